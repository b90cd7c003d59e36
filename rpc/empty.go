package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// The methods of this file are what clients ask for blindly when they start.
// Their answers are true and short: this host has none of these things.

func configRequirementsRead(context.Context, *Connection) (reply, error) {
	speeds := true
	return reply{result: &protocol.ConfigRequirementsReadResponse{SupportsIndependentSpeedModes: &speeds}}, nil
}

func pluginInstalled(context.Context, *Connection, *protocol.PluginInstalledParams) (reply, error) {
	return reply{result: &protocol.PluginInstalledResponse{}}, nil
}

func appInstalled(context.Context, *Connection, *protocol.AppsInstalledParams) (reply, error) {
	return reply{result: &protocol.AppsInstalledResponse{}}, nil
}

func accountRateLimitsRead(context.Context, *Connection, *protocol.GetAccountRateLimitsParams) (reply, error) {
	return reply{result: &protocol.GetAccountRateLimitsResponse{}}, nil
}
