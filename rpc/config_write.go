package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// configValueWrite changes one key of the user's config.toml.
func configValueWrite(ctx context.Context, c *Connection, p *protocol.ConfigValueWriteParams) (reply, error) {
	edit := config.Edit{KeyPath: p.KeyPath, Value: p.Value, Upsert: p.MergeStrategy == protocol.MergeStrategyUpsert}
	return writeConfig(ctx, c, []config.Edit{edit}, p.ExpectedVersion, p.FilePath)
}

// configBatchWrite changes several keys, all or none.
func configBatchWrite(ctx context.Context, c *Connection, p *protocol.ConfigBatchWriteParams) (reply, error) {
	var edits []config.Edit
	for _, e := range p.Edits {
		edits = append(edits, config.Edit{KeyPath: e.KeyPath, Value: e.Value, Upsert: e.MergeStrategy == protocol.MergeStrategyUpsert})
	}
	return writeConfig(ctx, c, edits, p.ExpectedVersion, p.FilePath)
}

func writeConfig(ctx context.Context, c *Connection, edits []config.Edit, version, path *string) (reply, error) {
	r, err := c.manager.WriteConfig(ctx, edits, value(version), value(path))
	if err != nil {
		return reply{}, err
	}
	return reply{result: r}, nil
}
