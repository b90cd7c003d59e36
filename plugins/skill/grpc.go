package skill

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
)

// maxPiece bounds one piece of a streamed listing, well below the 4 MiB that a
// gRPC peer of any language accepts unasked.
const maxPiece = 512 << 10

// client is the host's end: a Provider that lives in another process.
type client struct {
	rpc skillv1.SkillProviderClient
}

func (c *client) List(ctx context.Context, req ListRequest) (Listing, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the stream on every way out
	defer cancel()
	stream, err := c.rpc.List(ctx, listRequestToProto(req))
	if err != nil {
		return Listing{}, callError(ctx, "listing skills", err)
	}
	var l Listing
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return Listing{}, callError(ctx, "listing skills", err)
		}
		l.add(piece)
	}
}

func (c *client) Read(ctx context.Context, req ReadRequest) (Content, error) {
	resp, err := c.rpc.Read(ctx, &skillv1.ReadRequest{Path: text(req.Path), Roots: rootsToProto(req.Roots)})
	if err != nil {
		return Content{}, callError(ctx, "reading skill "+req.Path, err)
	}
	return Content{Text: resp.GetContent()}, nil
}

// callError gives back what the other side meant. An error that is no gRPC
// status comes from the host's own supervision and stays in the chain.
func callError(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	st, ok := status.FromError(err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch st.Code() {
	case codes.NotFound:
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s: %w", doing, context.DeadlineExceeded)
	case codes.Canceled:
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case codes.Unknown: // what a provider returned; its words are enough
		return fmt.Errorf("%s: %s", doing, st.Message())
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// server is the plugin's end.
type server struct {
	skillv1.UnimplementedSkillProviderServer
	provider Provider
}

func (s *server) List(req *skillv1.ListRequest, stream skillv1.SkillProvider_ListServer) error {
	l, err := s.provider.List(stream.Context(), listRequestFromProto(req))
	if err != nil {
		return statusError(err)
	}
	return l.pieces(stream.Send)
}

func (s *server) Read(ctx context.Context, req *skillv1.ReadRequest) (*skillv1.ReadResponse, error) {
	c, err := s.provider.Read(ctx, ReadRequest{Path: req.GetPath(), Roots: rootsFromProto(req.GetRoots())})
	if err != nil {
		return nil, statusError(err)
	}
	return &skillv1.ReadResponse{Content: c.Text}, nil
}

func statusError(err error) error {
	code := codes.Unknown
	switch {
	case errors.Is(err, ErrNotFound):
		code = codes.NotFound
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	}
	return status.Error(code, text(err.Error()))
}
