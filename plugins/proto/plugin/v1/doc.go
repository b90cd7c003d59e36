// Package pluginv1 is the generated Go of what plugins of every kind may serve:
// their manifest, and the stream on which they talk to the host. It imports none
// of the host and decides nothing; plugins/serve and plugins give it an order.
package pluginv1
