package skill

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/codexhost/codexhost/plugins/proto/grease"
)

// double answers what it is told to, and notes what it was asked.
type double struct {
	list    ListRequest
	read    ReadRequest
	listing Listing
	content Content
	err     error
}

func (d *double) List(ctx context.Context, req ListRequest) (Listing, error) {
	d.list = req
	if d.err == nil && strings.HasPrefix(req.Cwd, "/hang") {
		<-ctx.Done()
		return Listing{}, ctx.Err()
	}
	return d.listing, d.err
}

func (d *double) Read(_ context.Context, req ReadRequest) (Content, error) {
	d.read = req
	return d.content, d.err
}

// across returns p as it looks from the other end of a connection, with the
// limits that any gRPC peer has unasked. Both ends speak as if they were of a
// later version, which neither may mind.
func across(t *testing.T, p Provider) Provider {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	s := grpc.NewServer(grease.Server()...)
	if err := (adapter{provider: p}).GRPCServer(nil, s); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:x", append(grease.Dial(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c, err := adapter{}.GRPCClient(t.Context(), nil, conn)
	if err != nil {
		t.Fatal(err)
	}
	return c.(Provider)
}

// fill sets every field below v to something that is not zero, so that a field
// which the adapter forgets shows.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[Scope]() {
			v.SetString(string([]Scope{ScopeRepo, ScopeSystem, ScopeAdmin}[*n%3]))
			return
		}
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic(v.Kind())
	}
}

func TestNothingIsLostOnTheWay(t *testing.T) {
	d, n := &double{}, 0
	fill(reflect.ValueOf(&d.listing).Elem(), &n)
	fill(reflect.ValueOf(&d.content).Elem(), &n)
	var list ListRequest
	var read ReadRequest
	fill(reflect.ValueOf(&list).Elem(), &n)
	fill(reflect.ValueOf(&read).Elem(), &n)
	p := across(t, d)
	l, err := p.List(t.Context(), list)
	if err != nil || !reflect.DeepEqual(l, d.listing) {
		t.Errorf("got %+v, %v\nwant %+v", l, err, d.listing)
	}
	c, err := p.Read(t.Context(), read)
	if err != nil || !reflect.DeepEqual(c, d.content) {
		t.Errorf("got %+v, %v", c, err)
	}
	if !reflect.DeepEqual(d.list, list) || !reflect.DeepEqual(d.read, read) {
		t.Errorf("asked %+v and %+v", d.list, d.read)
	}
}

func TestBigAndOdd(t *testing.T) {
	d := &double{content: Content{Text: []byte("\xff\x00")}}
	for i := range 3000 {
		d.listing.Skills = append(d.listing.Skills, Skill{Path: fmt.Sprint(i, "\xff"), Description: strings.Repeat("x", 4000)})
		d.listing.Errors = append(d.listing.Errors, Problem{Path: fmt.Sprint(i), Message: strings.Repeat("y", 1000)})
	}
	p := across(t, d)
	l, err := p.List(t.Context(), ListRequest{})
	if err != nil || len(l.Skills) != 3000 || len(l.Errors) != 3000 || l.Skills[2999].Path != "2999\uFFFD" || l.Skills[0].Scope != ScopeUser {
		t.Errorf("%d skills, %d errors, %v", len(l.Skills), len(l.Errors), err)
	}
	if c, err := p.Read(t.Context(), ReadRequest{Path: "\xff"}); err != nil || string(c.Text) != "\xff\x00" {
		t.Errorf("%q %v", c.Text, err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err, is error
		says    string
	}{
		{fmt.Errorf("looking: %w", ErrNotFound), ErrNotFound, "no such skill"},
		{context.DeadlineExceeded, context.DeadlineExceeded, "deadline"},
		{fmt.Errorf("up there: %w", context.Canceled), context.Canceled, "canceled"},
		{errors.New("the disk is on fire\xff"), nil, "the disk is on fire\uFFFD"},
	} {
		p := across(t, &double{err: c.err})
		_, err1 := p.List(t.Context(), ListRequest{})
		_, err2 := p.Read(t.Context(), ReadRequest{Path: "x"})
		for _, err := range []error{err1, err2} {
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v came as %v", c.err, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := across(t, &double{})
	go cancel()
	if _, err := p.List(ctx, ListRequest{Cwd: "/hang"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
