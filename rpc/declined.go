package rpc

import (
	"github.com/codexhost/codexhost/manager/thread"
)

// declinedError answers a method of the protocol that this host does not serve.
func declinedError(method string) error {
	return &coded{codeMethodNotFound, nil, &thread.Refusal{
		Kind:    thread.KindNotSupported,
		Message: method + " is part of the protocol, but this version of codexhost does not serve it",
		Remedy:  "do without it, or ask for it in an issue",
	}}
}
