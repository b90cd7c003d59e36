package plugins

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
)

// spawner starts every child from one thread of the operating system that does
// nothing else and lives as long as the host does. A parent-death signal is
// sent when the thread that started the child ends; Go ends threads as it sees
// fit, and with them went healthy plugins.
type spawner struct {
	jobs chan spawnJob
	quit chan struct{}
	done chan struct{}
}

type spawnJob struct {
	cmd    *exec.Cmd
	group  *group
	result chan error
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan spawnJob), quit: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	relaxTimers()
	for {
		select {
		case j := <-s.jobs:
			j.result <- startInGroup(j.cmd, j.group)
		case <-s.quit:
			return
		}
	}
}

// start starts cmd in a group of its own.
func (s *spawner) start(ctx context.Context, cmd *exec.Cmd, g *group) error {
	j := spawnJob{cmd: cmd, group: g, result: make(chan error, 1)}
	select {
	case s.jobs <- j:
		return <-j.result // a fork and an exec: nothing in it waits for others
	case <-s.quit:
		return errors.New("the plugin host is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the thread. Children that still live may be killed by that.
func (s *spawner) close() {
	close(s.quit)
	<-s.done
}

func startInGroup(cmd *exec.Cmd, g *group) error {
	g.prepare(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := g.joined(cmd); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	return nil
}
