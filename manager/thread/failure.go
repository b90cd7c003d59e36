package thread

import (
	"errors"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// turnError is a failure as the client is told it.
func turnError(err error) *protocol.TurnError {
	var review reviewFailure
	if errors.As(err, &review) {
		return review.TurnError
	}
	var me *model.Error
	if !errors.As(err, &me) {
		return &protocol.TurnError{Message: err.Error(), CodexErrorInfo: protocol.CodexErrorInfoName("other")}
	}
	e := &protocol.TurnError{Message: me.Message, CodexErrorInfo: errorInfo(me)}
	if me.Details != "" && me.Kind != model.FailDisconnected && me.Kind != model.FailTooManyRequests {
		e.AdditionalDetails = ptr(me.Details)
	}
	return e
}

// errorInfo is the class of a model failure that clients switch on.
func errorInfo(e *model.Error) protocol.CodexErrorInfo {
	name, withStatus := e.CodexInfo()
	if !withStatus {
		return protocol.CodexErrorInfoName(name)
	}
	status := httpStatus(e.Status)
	if name == "responseTooManyFailedAttempts" {
		return &protocol.CodexErrorInfoResponseTooManyFailedAttempts{HttpStatusCode: status}
	}
	return &protocol.CodexErrorInfoHttpConnectionFailed{HttpStatusCode: status}
}

// retryError is what the client reads while a broken stream is tried again.
func retryError(text string, e *model.Error) protocol.TurnError {
	return protocol.TurnError{
		Message:           text,
		CodexErrorInfo:    &protocol.CodexErrorInfoResponseStreamDisconnected{HttpStatusCode: httpStatus(e.RetryStatus())},
		AdditionalDetails: ptr(e.Message),
	}
}

func httpStatus(code int) *int64 {
	if code == 0 {
		return nil
	}
	return ptr(int64(code))
}
