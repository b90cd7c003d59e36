// Package oauth logs the user in to MCP servers that are reached over HTTP: it
// finds out how a server wants it done, registers a client, takes the browser's
// callback, keeps the credentials in a file and renews them.
//
// It owns .credentials.json in the home folder and the locks beside it, in the
// reference's own form, so that a login by either program serves both. It must
// not know threads, configuration or connections, and it asks nobody: whoever
// begins a [Login] shows its URL to the user.
//
// # Ordering and blocking
//
// Everything that waits for a server or for another process takes a context or
// has a bound. Credentials are renewed by one at a time, across processes: who
// has the lock reads the file again, and takes what somebody else has renewed
// meanwhile. A renewal is finished once it was begun, whoever still waits for
// it, for the server counts a refresh token as used. The file is read and written
// under a lock, too.
//
// Tokens, secrets and codes are in the file and in requests to those who issued
// them, and in no error and no log.
package oauth
