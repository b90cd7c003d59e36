package rpc

import (
	"context"
	"fmt"
	"runtime"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// ProtocolRelease is the release of the reference whose protocol is spoken.
// Clients read it from the user agent and refuse one that is too old.
const ProtocolRelease = "0.169.0"

// initialize opens the session. It answers without touching a plugin or a
// stored thread: an editor waits for it.
func initialize(ctx context.Context, c *Connection, p *protocol.InitializeParams) (reply, error) {
	s := &session{info: p.ClientInfo}
	if caps := p.Capabilities; caps != nil {
		s.experimental = caps.ExperimentalApi
		if len(caps.OptOutNotificationMethods) > 0 {
			s.optedOut = make(map[string]bool, len(caps.OptOutNotificationMethods))
			for _, m := range caps.OptOutNotificationMethods {
				s.optedOut[m] = true
			}
		}
		if raw := caps.Extensions[protocol.ExtensionName]; raw != nil && string(raw) != "null" {
			var own protocol.ExtensionSettings
			if err := protocol.DecodeParams(raw, &own); err != nil {
				return reply{}, &malformed{fmt.Errorf("capabilities.extensions.%s: %w", protocol.ExtensionName, err)}
			}
			s.optedIn = own.Notifications
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "Already initialized", Remedy: "use the connection as it is"}
	}
	c.session = s
	agent := userAgent(p.ClientInfo, c.version)
	c.manager.Introduce(thread.ClientInfo{Originator: p.ClientInfo.Name, UserAgent: agent})
	return reply{
		result: &protocol.InitializeResponse{
			UserAgent: agent, CodexHome: protocol.AbsolutePathBuf(c.manager.Home()),
			PlatformFamily: platformFamily(), PlatformOs: platformOS(),
		},
		after: func() { c.manager.Warnings(ctx, c) },
	}, nil
}

// userAgent names the client, the protocol's release and the machine, in the
// reference's form; our own name and version stand where it has the terminal's.
func userAgent(client protocol.ClientInfo, version string) string {
	return fmt.Sprintf("%s/%s (%s; %s) codexhost/%s (%s; %s)",
		client.Name, ProtocolRelease, platformOS(), architecture(), version, client.Name, client.Version)
}

func platformFamily() string {
	if runtime.GOOS == "windows" {
		return "windows"
	}
	return "unix"
}

func platformOS() string {
	if runtime.GOOS == "darwin" {
		return "macos"
	}
	return runtime.GOOS
}

func architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}
