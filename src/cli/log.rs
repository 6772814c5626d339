//! How the log is written: one line for each event, whatever is in its fields.
//!
//! Fields hold what came from outside: error codes, header names, reasons. No call site escapes them; this does.

use std::fmt;

use redraft_model::name::escaped;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, SubscriberBuilder};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging to standard error as text, in colours on a terminal.
pub fn start_text(filter: EnvFilter) {
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    builder(filter).fmt_fields(fields()).with_ansi(colours).init();
}

/// Starts logging to standard error as JSON.
pub fn start_json(filter: EnvFilter) {
    builder(filter).json().map_event_format(OneLine).init();
}

/// A reader of the log that went away is no reason to stop: what cannot be written is not complained of, since that would
/// go to the same place and panic.
fn builder(
    filter: EnvFilter,
) -> SubscriberBuilder<format::DefaultFields, format::Format, EnvFilter, fn() -> std::io::Stderr> {
    let writer: fn() -> std::io::Stderr = std::io::stderr;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false)
}

/// `message name=value name=value`, each value escaped.
fn fields() -> impl for<'a> FormatFields<'a> + Send + Sync + 'static {
    let field = |writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn fmt::Debug| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", escaped(&value)),
            name => write!(writer, "{name}={}", escaped(&value)),
        }
    };
    format::debug_fn(field).delimited(" ")
}

/// An event as another format writes it, with what JSON leaves as it is escaped, too: DEL, C1 controls, separators of
/// lines and bidirectional overrides. They occur in strings only, where their escapes mean the same.
struct OneLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writeln!(writer, "{}", escaped(line.trim_end_matches('\n')))
    }
}
