package manager

import (
	"context"
	"sync"
)

// A keyLock lets one at a time do something for a key: load a stored thread, or
// move its file. The zero value is ready.
type keyLock struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when its holder is done
}

// lock waits until nobody holds the key, as long as ctx lives. Whoever gets it
// calls unlock.
func (k *keyLock) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		other, busy := k.held[key]
		if !busy {
			mine := make(chan struct{})
			if k.held == nil {
				k.held = make(map[string]chan struct{})
			}
			k.held[key] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
