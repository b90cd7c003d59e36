//go:build linux && (amd64 || arm64)

package supervise

import (
	"testing"

	"golang.org/x/sys/unix"
)

// call is what the kernel shows to a filter.
type call struct {
	nr   uint32
	arch uint32
	args [6]uint64
}

func (c call) word(t *testing.T, at uint32) uint32 {
	switch {
	case at == 0:
		return c.nr
	case at == 4:
		return c.arch
	case at >= 16 && at < 64 && at%4 == 0:
		return uint32(c.args[(at-16)/8] >> (8 * (at % 8)))
	}
	t.Fatalf("load of offset %d", at)
	return 0
}

// run interprets a program as the kernel does; a jump out of it is an error there too.
func (p program) run(t *testing.T, c call) uint32 {
	var acc uint32
	for pc := 0; pc < len(p); pc++ {
		in := p[pc]
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case bpfLoad:
			acc = c.word(t, in.K)
		case bpfAnd:
			acc &= in.K
		case bpfEqual:
			jump(acc == in.K)
		case bpfAtLst:
			jump(acc >= in.K)
		case bpfAny:
			jump(acc&in.K != 0)
		case bpfRet:
			return in.K
		default:
			t.Fatalf("instruction %#x", in.Code)
		}
	}
	t.Fatal("the program ran off its end")
	return 0
}

func TestFilter(t *testing.T) {
	const (
		allow = seccompAllow
		perm  = seccompErrno | uint32(unix.EPERM)
		nosys = seccompErrno | uint32(unix.ENOSYS)
	)
	off, on := filter{}, filter{network: true}
	root := filter{root: true}
	land := filter{metadata: true, shared: true}
	high := uint64(1) << 32
	for _, c := range []struct {
		name string
		f    filter
		nr   uint32
		args [6]uint64
		want uint32
	}{
		{"read", off, unix.SYS_READ, [6]uint64{}, allow},
		{"execve", off, unix.SYS_EXECVE, [6]uint64{}, allow},
		{"ptrace", on, unix.SYS_PTRACE, [6]uint64{}, perm},
		{"mount", on, unix.SYS_MOUNT, [6]uint64{}, perm},
		{"keyctl", on, unix.SYS_KEYCTL, [6]uint64{}, perm},
		{"clone3", on, unix.SYS_CLONE3, [6]uint64{}, nosys},
		{"io_uring", on, unix.SYS_IO_URING_SETUP, [6]uint64{}, nosys},
		{"fork", off, unix.SYS_CLONE, [6]uint64{uint64(unix.SIGCHLD)}, allow},
		{"thread", off, unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		{"user namespace", off, unix.SYS_CLONE, [6]uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, perm},
		{"unshare files", off, unix.SYS_UNSHARE, [6]uint64{unix.CLONE_FILES}, allow},
		{"unshare time", off, unix.SYS_UNSHARE, [6]uint64{unix.CLONE_NEWTIME}, perm},
		{"unshare mounts", off, unix.SYS_UNSHARE, [6]uint64{unix.CLONE_NEWNS}, perm},
		{"ioctl", off, unix.SYS_IOCTL, [6]uint64{0, unix.TIOCGWINSZ}, allow},
		{"typing", off, unix.SYS_IOCTL, [6]uint64{0, unix.TIOCSTI}, perm},
		{"typing, high bits", off, unix.SYS_IOCTL, [6]uint64{0, unix.TIOCSTI | high}, perm},
		{"file flags", land, unix.SYS_IOCTL, [6]uint64{0, unix.FS_IOC_SETFLAGS}, perm},
		{"inet", off, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM}, perm},
		{"inet with network", on, unix.SYS_SOCKET, [6]uint64{unix.AF_INET, unix.SOCK_STREAM}, allow},
		{"local stream", off, unix.SYS_SOCKET, [6]uint64{unix.AF_UNIX, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, allow},
		{"local datagram", off, unix.SYS_SOCKET, [6]uint64{unix.AF_UNIX, unix.SOCK_DGRAM | unix.SOCK_NONBLOCK}, perm},
		{"pair", off, unix.SYS_SOCKETPAIR, [6]uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET}, allow},
		{"datagram pair", off, unix.SYS_SOCKETPAIR, [6]uint64{unix.AF_UNIX, unix.SOCK_DGRAM}, perm},
		{"connect", off, unix.SYS_CONNECT, [6]uint64{}, perm},
		{"connect with network", on, unix.SYS_CONNECT, [6]uint64{}, allow},
		{"send", off, unix.SYS_SENDTO, [6]uint64{3, 1, 1}, allow},
		{"sendto", off, unix.SYS_SENDTO, [6]uint64{3, 1, 1, 0, 0x1000}, perm},
		{"sendto, high address", off, unix.SYS_SENDTO, [6]uint64{3, 1, 1, 0, high}, perm},
		{"chmod", root, unix.SYS_FCHMODAT, [6]uint64{0, 0, 0o755}, allow},
		{"chmod setuid", root, unix.SYS_FCHMODAT, [6]uint64{0, 0, 0o4755}, perm},
		{"chmod setuid by a user", off, unix.SYS_FCHMODAT, [6]uint64{0, 0, 0o4755}, allow},
		{"create", root, unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_CREAT, 0o644}, allow},
		{"create setuid", root, unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_CREAT, 0o4755}, perm},
		{"nameless setuid", root, unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_TMPFILE, 0o4755}, perm},
		{"open with rubbish for a mode", root, unix.SYS_OPENAT, [6]uint64{0, 0, unix.O_DIRECTORY, 0o4755}, allow},
		{"openat2", root, unix.SYS_OPENAT2, [6]uint64{}, nosys},
		{"metadata", land, unix.SYS_FCHMOD, [6]uint64{}, perm},
		{"shared memory", land, unix.SYS_SHMGET, [6]uint64{}, perm},
		{"own limits", land, unix.SYS_PRLIMIT64, [6]uint64{0, 7}, allow},
		{"limits of another", land, unix.SYS_PRLIMIT64, [6]uint64{99, 7}, perm},
		{"own priority", land, unix.SYS_SETPRIORITY, [6]uint64{0, 0, 5}, allow},
		{"priority of a user", land, unix.SYS_SETPRIORITY, [6]uint64{2, 0, 5}, perm},
	} {
		if got := c.f.build().run(t, call{nr: c.nr, arch: auditArch, args: c.args}); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
	for _, f := range []filter{off, on, root, land} {
		p := f.build()
		if len(p) > 4096 {
			t.Errorf("%+v: %d instructions", f, len(p))
		}
		for nr := range uint32(600) { // every path ends
			p.run(t, call{nr: nr, arch: auditArch, args: [6]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}})
			p.run(t, call{nr: nr, arch: auditArch})
		}
		if got := p.run(t, call{nr: unix.SYS_READ, arch: 0x40000003}); got != seccompKill {
			t.Errorf("a call of another machine: %#x", got)
		}
		if got := p.run(t, call{nr: 0x40000000, arch: auditArch}); otherNumbers != 0 && got != nosys {
			t.Errorf("a call with other numbers: %#x", got)
		}
	}
}
