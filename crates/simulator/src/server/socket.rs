//! What a client is connected by: a websocket, or an answer of HTTP that goes on.

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::answer::Answer;

pub(super) enum Socket<S> {
    Websocket(Box<WebSocketStream<S>>),
    Answer(Answer<S>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// What the client says; `None` when it is gone.
    pub(super) async fn next(&mut self) -> Option<Result<Message, Error>> {
        match self {
            Self::Websocket(socket) => socket.next().await,
            Self::Answer(answer) => {
                answer.gone().await;
                None
            }
        }
    }

    pub(super) async fn feed(&mut self, message: Message) -> Result<(), Error> {
        match self {
            Self::Websocket(socket) => socket.feed(message).await,
            Self::Answer(answer) => {
                // Lines have texts only; what is none was made to be none.
                let bytes = message.into_data();
                answer.feed(&String::from_utf8_lossy(&bytes));
                Ok(())
            }
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        match self {
            Self::Websocket(socket) => socket.flush().await,
            Self::Answer(answer) => answer.flush().await.map_err(Error::Io),
        }
    }

    /// Sends half of a message, where that can be.
    pub(super) async fn cut(&mut self, message: &Message) {
        if let Self::Answer(answer) = self
            && let Ok(text) = message.to_text()
        {
            // A client that is gone already needs no half.
            answer.cut(text).await.ok();
        }
    }

    /// Says that nothing more comes.
    pub(super) async fn close(&mut self) {
        match self {
            // A client that is gone already needs no goodbye.
            Self::Websocket(socket) => {
                // That of the websocket: a sink has one, too.
                if WebSocketStream::close(socket, None).await.is_ok() {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            }
            Self::Answer(answer) => drop(answer.end().await.ok()),
        }
    }
}
