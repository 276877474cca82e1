//! Watches how full the file system is: one warning at the first watermark, no writes beyond the
//! second. The disk is never filled, and nothing is dropped.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use crate::{Settings, metric, shared::Shared, stop::Stop};

/// How full the file system is, in percent, as `df` counts: what is reserved for root is no space.
pub(crate) fn used_percent(folder: &Path) -> std::io::Result<f64> {
    let stat = rustix::fs::statvfs(folder)?;
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let all = used + stat.f_bavail;
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    Ok(if all == 0 { 100.0 } else { used as f64 * 100.0 / all as f64 })
}

/// Bytes that may still be written there; what is reserved for root is no space.
pub(crate) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Sees to the watermarks once; gives whether the first one is crossed.
pub(crate) fn check(percent: f64, settings: &Settings, shared: &Shared, warned: bool) -> bool {
    let full = percent >= f64::from(settings.disk_refuse_percent);
    if shared.disk_full.swap(full, Ordering::Relaxed) != full {
        if full {
            tracing::error!(percent, "the disk is too full: writes are refused");
        } else {
            tracing::info!(percent, "the disk has space again: writes are taken");
        }
    }
    let warn = percent >= f64::from(settings.disk_warn_percent);
    if warn && !warned {
        tracing::warn!(percent, refuse_at = settings.disk_refuse_percent, "the disk is getting full");
    }
    warn
}

/// Starts the thread that looks every second. The first look is done when this returns.
pub(crate) fn start(
    folder: &Path,
    settings: Settings,
    shared: Arc<Shared>,
    stop: Stop,
) -> std::io::Result<JoinHandle<()>> {
    let folder = folder.to_owned();
    let gauge = metrics::gauge!(metric::DISK_USED_PERCENT);
    let mut warned = false;
    let mut look = move || match used_percent(&folder) {
        Ok(percent) => {
            gauge.set(percent);
            warned = check(percent, &settings, &shared, warned);
        }
        Err(error) => tracing::warn!(%error, "the file system does not tell how full it is"),
    };
    look();
    std::thread::Builder::new().name("rollcall-disk".to_owned()).spawn(move || {
        while !stop.wait(Duration::from_secs(1)) {
            look();
        }
    })
}
