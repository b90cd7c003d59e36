// Package model talks to language models: it streams one request and yields its events.
//
// It owns the wire of the Responses API (request body, server-sent events, failures and the
// retries of a single request), the process-wide connection pool, the built-in offline model,
// recording and replay, and the catalogue that says what a model can do. It must not know
// threads, turns, tools or settings files: the caller hands it raw items and gets raw items back,
// and an item it does not understand passes through unchanged.
//
// Ordering and blocking. [Client.Stream] runs wholly in the goroutine that ranges over it and
// starts none of its own; nothing is sent before the range begins, and when the range ends, early
// or not, the stream is closed. Events come in the order of the wire. A slow consumer slows the
// server down and is not counted as silence. Every wait is bounded: by the context, by the
// provider's idle timeout (which covers the wait for response headers too) and by a cap on
// every delay.
//
// Retries have two layers. A Client repeats a request that failed before its stream opened
// ([Provider.RequestMaxRetries]). What fails later comes out as an [Error] with Retryable set, and
// the turn loop decides, with [Backoff], whether to send the history again.
//
// The grammar of the offline model is documented in [OfflineGrammar].
package model
