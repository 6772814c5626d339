//! Bodies of requests and answers, noted as they go by.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::state::Connection;
use redraft_service::bounds::AnswerRoom;

/// A request's body, which notes its end.
pub(super) struct NotedBody {
    pub(super) body: Incoming,
    pub(super) connection: Arc<Connection>,
}

impl HttpBody for NotedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if frame.is_none() || this.body.is_end_stream() {
            this.connection.body_ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, whose end is the answer's.
pub(super) struct NotedAnswer {
    pub(super) body: Body,
    pub(super) status: StatusCode,
    pub(super) connection: Arc<Connection>,
    pub(super) room: Option<AnswerRoom>,
}

impl Drop for NotedAnswer {
    fn drop(&mut self) {
        self.connection.answered(self.status);
    }
}

impl HttpBody for NotedAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        // The room is taken until the last byte is written, not only until it waits to be.
        Poll::Ready(match (frame, &this.room) {
            (Some(Ok(frame)), Some(room)) => {
                Some(Ok(frame.map_data(|bytes| Bytes::from_owner(room.of(bytes)))))
            }
            (frame, _) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
