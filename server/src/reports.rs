//! What sources said of control plane, proxies and breakers, once for all who ask within a tick.

use std::sync::Arc;
use std::time::Duration;

use mesh::breakers::Told;
use mesh::telemetry::{Breakers, ControlPlane, ControlPlaneReport, Proxies, ProxySample};
use moka::future::Cache;

use crate::http::ApiError;
use crate::sources::{Answer, Metrics};

type Kept<Q, T> = Cache<Q, Arc<Answer<T>>>;

/// Reports by question.
pub struct Reports {
    control_plane: Kept<ControlPlane, ControlPlaneReport>,
    proxies: Kept<Proxies, Vec<ProxySample>>,
    breakers: Kept<Breakers, Told>,
}

impl Default for Reports {
    fn default() -> Reports {
        fn kept<Q: std::hash::Hash + Eq + Send + Sync + 'static, T: Send + Sync + 'static>()
        -> Kept<Q, T> {
            Cache::builder()
                .max_capacity(4)
                .time_to_live(Duration::from_secs(20))
                .build()
        }
        Reports {
            control_plane: kept(),
            proxies: kept(),
            breakers: kept(),
        }
    }
}

impl Reports {
    /// Returns what the control plane says of itself.
    pub async fn control_plane(
        &self,
        metrics: &Metrics,
        ask: ControlPlane,
    ) -> Result<Arc<Answer<ControlPlaneReport>>, ApiError> {
        let asked = async { metrics.control_plane(&ask).await.map(Arc::new) };
        let kept = self.control_plane.try_get_with(ask, asked).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns what the proxies use.
    pub async fn proxies(
        &self,
        metrics: &Metrics,
        ask: Proxies,
    ) -> Result<Arc<Answer<Vec<ProxySample>>>, ApiError> {
        let asked = async { metrics.proxies(&ask).await.map(Arc::new) };
        let kept = self.proxies.try_get_with(ask, asked).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns what the proxies say of their breakers.
    pub async fn breakers(
        &self,
        metrics: &Metrics,
        ask: Breakers,
    ) -> Result<Arc<Answer<Told>>, ApiError> {
        let asked = async { metrics.breakers(&ask).await.map(Arc::new) };
        let kept = self.breakers.try_get_with(ask, asked).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }
}
