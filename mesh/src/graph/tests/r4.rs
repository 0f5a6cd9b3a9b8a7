//! R4: what is an error, and whose.

use super::*;
use crate::graph::totals::Ending::{self, ClientError, Fine, Gone, ServerError};
use crate::telemetry::{Flags, Protocol, Response};

#[test]
fn r4_every_code_has_its_ending() {
    for (protocol, http, grpc, flags, ending) in [
        ("http", "200", "-", "-", Fine),
        ("http", "101", "-", "-", Fine),
        ("http", "304", "-", "-", Fine),
        ("http", "399", "-", "-", Fine),
        ("http", "400", "-", "-", ClientError),
        ("http", "404", "-", "NR", ClientError),
        ("http", "429", "-", "RL", ClientError),
        ("http", "499", "-", "-", ClientError),
        ("http", "500", "-", "-", ServerError),
        ("http", "503", "-", "UO", ServerError),
        ("http", "503", "-", "UF,URX", ServerError),
        ("http", "504", "-", "UT", ServerError),
        ("http", "599", "-", "-", ServerError),
        ("http", "0", "-", "-", ServerError),
        ("http", "0", "-", "UF", ServerError),
        ("http", "0", "-", "DC", Gone),
        ("http", "0", "-", "DC,UF", Gone),
        ("http", "200", "-", "DC", Gone),
        ("http", "503", "-", "DC", Gone),
        ("http", "-", "-", "-", Fine),
        ("grpc", "200", "0", "-", Fine),
        ("grpc", "200", "1", "-", ClientError),
        ("grpc", "200", "2", "-", ServerError),
        ("grpc", "200", "3", "-", ClientError),
        ("grpc", "200", "4", "-", ServerError),
        ("grpc", "200", "5", "-", ClientError),
        ("grpc", "200", "6", "-", ClientError),
        ("grpc", "200", "7", "-", ClientError),
        ("grpc", "200", "8", "-", ClientError),
        ("grpc", "200", "9", "-", ClientError),
        ("grpc", "200", "10", "-", ClientError),
        ("grpc", "200", "11", "-", ClientError),
        ("grpc", "200", "12", "-", ServerError),
        ("grpc", "200", "13", "-", ServerError),
        ("grpc", "200", "14", "UF", ServerError),
        ("grpc", "200", "15", "-", ServerError),
        ("grpc", "200", "16", "-", ClientError),
        ("grpc", "200", "1", "DC", Gone),
        // A status of no name is not the server's fault by that.
        ("grpc", "200", "99", "-", ClientError),
        // Without a status, the HTTP code counts.
        ("grpc", "200", "-", "-", Fine),
        ("grpc", "503", "-", "UH", ServerError),
        ("grpc", "404", "-", "-", ClientError),
        ("grpc", "0", "-", "-", ServerError),
        ("grpc", "0", "-", "DC", Gone),
    ] {
        let response = Response {
            http: http.parse().ok(),
            grpc: grpc.parse().ok(),
        };
        let case = format!("{protocol} {http} {grpc} {flags}");
        assert_eq!(Ending::of(response, &Flags::parse(flags)), ending, "{case}");
        // And so on the edge.
        let mut mesh = facts("web -> cart : 100 requests, client only");
        let mut key = (*mesh.requests[0].key).clone();
        key.protocol = Protocol::from_word(protocol).unwrap();
        key.response = response;
        key.flags = Flags::parse(flags);
        mesh.requests[0].key = key.into();
        let traffic = &draw(&mesh, By::Workload).edges[0].traffic;
        let share = |wanted: Ending| Some(f64::from(u8::from(ending == wanted)));
        assert_eq!(traffic.error_ratio, share(ServerError), "{case}");
        assert_eq!(traffic.client_error_ratio, share(ClientError), "{case}");
        assert_eq!(traffic.gone_ratio, share(Gone), "{case}");
    }
}

#[test]
fn r4_errors_are_the_servers_and_gone_clients_are_nobodys() {
    let graph = graph(
        "web -> a : 100 requests, 5 x 500, 7 x 404, 3 x 0 UF, 4 x 0 DC
         web =grpc=> b : 100 requests, 2 x 14 UF, 9 x 5, 1 x 13",
    );
    let a = &edge(&graph, "c/shop/web->c/shop/a:http").traffic;
    assert_eq!((a.errors, a.client_error_ratio), (8.0, Some(0.07)));
    assert_eq!(a.gone_ratio, Some(0.04));
    assert_eq!(a.flags["DC"], six_digits(4.0 / language::WINDOW_SECS));
    let b = &edge(&graph, "c/shop/web->c/shop/b:grpc").traffic;
    assert_eq!((b.errors, b.client_error_ratio), (3.0, Some(0.09)));
    assert_eq!(
        b.responses["grpc 14"],
        six_digits(2.0 / language::WINDOW_SECS)
    );
    // A node has them of all its callers.
    let two = draw(
        &facts(
            "web -> a : 100 requests, 5 x 500, 7 x 404, 4 x 0 DC
             app -> a : 100 requests, 5 x 500, 5 x 404, 2 x 0 DC",
        ),
        By::Workload,
    );
    let a = node(&two, "c/shop/a").inbound.as_ref().unwrap();
    assert_eq!((a.requests, a.errors), (200.0, 10.0));
    let shares = (a.client_error_ratio, a.gone_ratio);
    assert_eq!(shares, (Some(0.06), Some(0.03)));
}
