//! How calls end: codes, gRPC statuses and Envoy's response flags.

use mesh::telemetry::Protocol;

/// How a call ended, as one proxy reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ending {
    pub(crate) http: u16,
    pub(crate) grpc: Option<u16>,
    pub(crate) flags: Flags,
}

/// Envoy's response flags of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const NONE: Flags = Flags(0);
    /// No healthy endpoint.
    pub(crate) const UH: Flags = Flags(1);
    /// It took too long.
    pub(crate) const UT: Flags = Flags(1 << 1);
    /// The endpoint could not be connected to.
    pub(crate) const UF: Flags = Flags(1 << 2);
    /// The connection broke before an answer.
    pub(crate) const UC: Flags = Flags(1 << 3);
    /// The connection pool is full: a circuit breaker is open.
    pub(crate) const UO: Flags = Flags(1 << 10);
    /// No route.
    pub(crate) const NR: Flags = Flags(1 << 4);
    /// A delay was injected.
    pub(crate) const DI: Flags = Flags(1 << 5);
    /// A failure was injected.
    pub(crate) const FI: Flags = Flags(1 << 6);
    /// The client went away.
    pub(crate) const DC: Flags = Flags(1 << 7);
    /// Retries were used up.
    pub(crate) const URX: Flags = Flags(1 << 8);
    /// No such cluster.
    pub(crate) const NC: Flags = Flags(1 << 9);

    /// In the order in which Envoy writes them.
    const WORDS: [(Flags, &str); 11] = [
        (Flags::UH, "UH"),
        (Flags::UT, "UT"),
        (Flags::UF, "UF"),
        (Flags::UC, "UC"),
        (Flags::UO, "UO"),
        (Flags::NR, "NR"),
        (Flags::DI, "DI"),
        (Flags::FI, "FI"),
        (Flags::DC, "DC"),
        (Flags::URX, "URX"),
        (Flags::NC, "NC"),
    ];

    /// Returns these flags and others.
    pub(crate) fn and(self, others: Flags) -> Flags {
        Flags(self.0 | others.0)
    }

    /// Returns whether one of `others` is among them.
    pub(crate) fn has(self, others: Flags) -> bool {
        self.0 & others.0 != 0
    }

    /// Returns the flags as Envoy writes them: joined by commas, `-` for none.
    pub(crate) fn text(self) -> String {
        let set = Flags::WORDS.iter().filter(|(flag, _)| self.has(*flag));
        let words: Vec<&str> = set.map(|(_, word)| *word).collect();
        if words.is_empty() {
            "-".to_owned()
        } else {
            words.join(",")
        }
    }
}

impl Ending {
    /// Returns how a call ends that goes well.
    pub(crate) fn good(protocol: Protocol) -> Ending {
        Ending {
            http: 200,
            grpc: (protocol == Protocol::Grpc).then_some(0),
            flags: Flags::NONE,
        }
    }

    /// Returns how a call ends that the server answers with an HTTP status; gRPC servers say it as
    /// INTERNAL.
    pub(crate) fn status(protocol: Protocol, status: u16) -> Ending {
        match protocol {
            Protocol::Grpc => Ending::grpc_status(13),
            _ => Ending {
                http: status,
                grpc: None,
                flags: Flags::NONE,
            },
        }
    }

    /// Returns how a call ends that the server answers with a gRPC status.
    pub(crate) fn grpc_status(status: u16) -> Ending {
        Ending {
            http: 200,
            grpc: Some(status),
            flags: Flags::NONE,
        }
    }

    /// Returns how a call ends that the caller's proxy answers itself. gRPC callers get HTTP 200 and
    /// the gRPC status that Envoy writes for the HTTP status.
    pub(crate) fn by_proxy(protocol: Protocol, http: u16, flags: Flags) -> Ending {
        if protocol != Protocol::Grpc {
            return Ending {
                http,
                grpc: None,
                flags,
            };
        }
        let status = match http {
            200 => 0,
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502 | 503 | 504 => 14,
            _ => 2,
        };
        Ending::grpc_status(status).flagged(flags)
    }

    /// Returns how a call ends whose client went away before the answer.
    pub(crate) fn gone() -> Ending {
        Ending {
            http: 0,
            grpc: None,
            flags: Flags::DC,
        }
    }

    /// Returns the ending with more flags.
    pub(crate) fn flagged(self, flags: Flags) -> Ending {
        Ending {
            flags: self.flags.and(flags),
            ..self
        }
    }

    /// Returns whether the caller has a server error in hand, or no answer although it waited.
    pub(crate) fn is_failure(self) -> bool {
        match self.grpc {
            Some(status) => matches!(status, 2 | 4 | 12 | 13 | 14 | 15),
            // A client that went away does not care any more.
            None => 500 <= self.http,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_written_in_envoys_order() {
        assert_eq!(Flags::NONE.text(), "-");
        assert_eq!(Flags::DI.and(Flags::UF).text(), "UF,DI");
        assert_eq!(Flags::NC.and(Flags::DI).text(), "DI,NC");
        assert_eq!(Flags::DI.and(Flags::DC).text(), "DI,DC");
        assert_eq!(Flags::URX.and(Flags::UF).text(), "UF,URX");
    }
}
