// Package grease makes a gRPC connection of tests speak as a later version would:
// every message, and every message within it, has a field that no version knows,
// and a stream of messages that are a choice of kinds has, before each, one of no
// known kind. Whoever does not tolerate that breaks in today's tests, and not
// when there is a later version.
//
// It owns no connection, keeps no state and blocks nowhere by itself. It is for
// tests, and no program links it.
package grease

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldNo is the number of a field that no version has.
const fieldNo = 1999

// huge messages, in bytes, are sent as they are: copying them takes tests longer
// than it is worth.
const huge = 4 << 20

// Message puts unknown fields into m and all that it holds.
func Message(m proto.Message) { grease(m.ProtoReflect()) }

func grease(m protoreflect.Message) {
	b := protowire.AppendTag(nil, fieldNo, protowire.BytesType)
	m.SetUnknown(protowire.AppendBytes(b, []byte("from the future")))
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				grease(v.List().Get(i).Message())
			}
		default:
			grease(v.Message())
		}
		return true
	})
}

// Dial makes what a client sends greasy.
func Dial() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(ctx, method, copyOf(req), reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			s, err := open(ctx, desc, cc, method, opts...)
			if err != nil {
				return nil, err
			}
			return clientStream{s, desc.ClientStreams}, nil
		}),
	}
}

// Server makes what a server sends greasy.
func Server() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			reply, err := next(ctx, req)
			if err != nil {
				return nil, err
			}
			return copyOf(reply), nil
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return next(srv, serverStream{s})
		}),
	}
}

type clientStream struct {
	grpc.ClientStream
	many bool
}

func (s clientStream) SendMsg(m any) error { return send(m, s.many, s.ClientStream.SendMsg) }

type serverStream struct{ grpc.ServerStream }

func (s serverStream) SendMsg(m any) error { return send(m, true, s.ServerStream.SendMsg) }

// send sends m with grease in it, after a message of no known kind where many may
// come and m is a choice of kinds.
func send(m any, many bool, to func(any) error) error {
	if proto.Size(m.(proto.Message)) > huge {
		return to(m)
	}
	p := copyOf(m)
	if d := p.ProtoReflect().Descriptor(); many && d.Oneofs().Len() == 1 && d.Oneofs().Get(0).Fields().Len() == d.Fields().Len() {
		future := p.ProtoReflect().New().Interface()
		Message(future)
		if err := to(future); err != nil {
			return err
		}
	}
	return to(p)
}

// copyOf is m with grease; the caller's may be shared.
func copyOf(m any) proto.Message {
	p := proto.Clone(m.(proto.Message))
	Message(p)
	return p
}
