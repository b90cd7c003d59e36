package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// TokenCommand gets bearer tokens from a program: the "auth" table of a provider. Its Token method
// serves as [Auth.Token]. At most one command runs at a time; it is dead when Token returns.
type TokenCommand struct {
	argv    []string
	cwd     string
	timeout time.Duration
	refresh time.Duration

	turn  chan struct{} // holds one value; who has it owns the fields below
	token string
	at    time.Time
}

const (
	defaultTokenTimeout = 5 * time.Second
	defaultTokenRefresh = 5 * time.Minute
)

// NewTokenCommand describes the command; zero durations mean 5 seconds for a run and 5 minutes for
// a token's life.
func NewTokenCommand(argv []string, cwd string, timeout, refresh time.Duration) *TokenCommand {
	if timeout <= 0 {
		timeout = defaultTokenTimeout
	}
	if refresh <= 0 {
		refresh = defaultTokenRefresh
	}
	c := &TokenCommand{argv: argv, cwd: cwd, timeout: timeout, refresh: refresh, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

var errNoToken = errors.New("it printed no token")

// Token gives the token at hand, or what the command prints if there is none, it is old, or
// refresh is set.
func (c *TokenCommand) Token(ctx context.Context, refresh bool) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-c.turn:
	}
	defer func() { c.turn <- struct{}{} }()
	if c.token != "" && !refresh && time.Since(c.at) < c.refresh {
		return c.token, nil
	}
	token, err := c.run(ctx)
	if err != nil {
		return "", err
	}
	c.token, c.at = token, time.Now()
	return token, nil
}

func (c *TokenCommand) run(ctx context.Context) (string, error) {
	if len(c.argv) == 0 {
		return "", errors.New("the auth command is empty")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = c.cwd
	cmd.WaitDelay = time.Second // a child of its own may hold the pipe
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("no answer within %v", c.timeout)
	}
	token := strings.TrimSpace(string(out))
	if err == nil && token == "" {
		err = errNoToken
	}
	if err != nil {
		if why := clip(strings.TrimSpace(validText(stderr.Bytes()))); why != "" {
			return "", fmt.Errorf("running %s: %w: %s", c.argv[0], err, why)
		}
		return "", fmt.Errorf("running %s: %w", c.argv[0], err)
	}
	return token, nil
}
