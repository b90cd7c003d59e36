package plugins

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// explainWait is how long a failed call waits for the news of its plugin's
// death, which travels another way than the loss of the connection.
const explainWait = 300 * time.Millisecond

// explain returns the instance's own account when err is what its death looks
// like from a call, and err otherwise.
func (in *instance) explain(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, io.EOF) || ctx.Err() != nil {
		return err
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled, codes.Internal, codes.Unknown:
	default:
		return err
	}
	if status.Code(err) == codes.Unavailable || in.dead() {
		if in.await(in.ended, explainWait) {
			return in.err()
		}
	}
	return err
}
