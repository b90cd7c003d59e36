//go:build linux && (amd64 || arm64)

package supervise

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter names what a confined command may not ask of the kernel, and lets the rest through: namespaces and mounts
// decide what it can reach, the filter closes the doors beside them. What a program is known to try and do without gets
// ENOSYS, everything else EPERM.

// refusedCalls are refused whatever their arguments.
var refusedCalls = [...]uint32{
	// other processes
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PERF_EVENT_OPEN,
	// the view of the file system
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT,
	unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, sysOpenTreeAttr,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
	unix.SYS_SETNS,
	// keys of the session that the host runs in
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	// large and young parts of the kernel
	unix.SYS_BPF, unix.SYS_USERFAULTFD,
	// the machine
	unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, sysKexecFileLoad, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
	unix.SYS_DELETE_MODULE, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
}

// absentCalls are refused as if the kernel did not know them: libraries have another way. Their flags lie in memory,
// where a filter cannot look.
var absentCalls = [...]uint32{
	unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
}

// networkCalls are refused without a network. They also reach the named sockets of other programs (a container daemon,
// the session bus), which no namespace hides, so that local sockets are left as pairs only.
var networkCalls = [...]uint32{
	unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_SENDMMSG,
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// program is a classic BPF program under construction.
type program []unix.SockFilter

func (p *program) op(code uint16, k uint32) { *p = append(*p, unix.SockFilter{Code: code, K: k}) }

func (p *program) jump(code uint16, k uint32, yes, no uint8) {
	*p = append(*p, unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no})
}

const (
	bpfLoad  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	bpfAnd   = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	bpfEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bpfAtLst = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	bpfAny   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	bpfRet   = unix.BPF_RET | unix.BPF_K

	seccompErrno = 0x00050000
	seccompAllow = 0x7fff0000
	seccompKill  = 0x80000000
	setFilter    = 1 // SECCOMP_SET_MODE_FILTER
)

func (p *program) refuse(errno unix.Errno) { p.op(bpfRet, seccompErrno|uint32(errno)) }

// on runs body for one system call. The body must return; its loads need not be undone.
func (p *program) on(nr uint32, body func(*program)) {
	at := len(*p)
	p.jump(bpfEqual, nr, 0, 0)
	body(p)
	(*p)[at].Jf = uint8(len(*p) - at - 1)
}

// refuseIf refuses a call when any of the bits of one of its arguments are set, else allows it.
func (p *program) refuseIf(bits uint32, args ...int) {
	for _, arg := range args {
		p.op(bpfLoad, argument(arg))
		p.jump(bpfAny, bits, 0, 1)
		p.refuse(unix.EPERM)
	}
	p.op(bpfRet, seccompAllow)
}

// argument is the offset of the low half of an argument; both machines put it first.
func argument(n int) uint32 { return uint32(16 + 8*n) }

// metadataCalls change files without writing to them. Landlock does not see them.
var metadataCalls = [...]uint32{
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR,
	unix.SYS_FREMOVEXATTR, sysSetxattrat, sysRemovexattrat, sysFileSetattr,
}

// sharedCalls reach what processes of one user share where there is no IPC namespace.
var sharedCalls = [...]uint32{
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN,
	unix.SYS_IOPRIO_SET,
}

// foreignCalls change another process where their first argument is not zero.
var foreignCalls = [...]uint32{
	unix.SYS_PRLIMIT64, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETATTR,
	unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
}

// filter says which filter to install.
type filter struct {
	network  bool // the network is allowed
	root     bool // for the superuser
	metadata bool // refuse to change modes, owners and times of any file
	shared   bool // refuse what namespaces would have kept apart
}

// build writes the program.
func (f filter) build() program {
	var p program
	p.op(bpfLoad, 4) // the architecture: a call of another one has other numbers
	p.jump(bpfEqual, auditArch, 1, 0)
	p.op(bpfRet, seccompKill)
	p.op(bpfLoad, 0)
	if otherNumbers != 0 {
		p.jump(bpfAtLst, otherNumbers, 0, 1)
		p.refuse(unix.ENOSYS)
	}
	for _, nr := range refusedCalls {
		p.on(nr, func(p *program) { p.refuse(unix.EPERM) })
	}
	for _, nr := range oldCalls {
		p.on(nr, func(p *program) { p.refuse(unix.EPERM) })
	}
	for _, nr := range absentCalls {
		p.on(nr, func(p *program) { p.refuse(unix.ENOSYS) })
	}
	p.on(unix.SYS_CLONE, func(p *program) { p.refuseIf(newNamespaces, 0) })
	p.on(unix.SYS_UNSHARE, func(p *program) { p.refuseIf(newNamespaces|unix.CLONE_NEWTIME, 0) })
	p.on(unix.SYS_IOCTL, f.refuseControls)
	if !f.network {
		p.noNetwork()
	}
	if f.metadata {
		for _, list := range [][]uint32{metadataCalls[:], oldMetadataCalls[:]} {
			for _, nr := range list {
				p.on(nr, func(p *program) { p.refuse(unix.EPERM) })
			}
		}
	}
	if f.shared {
		for _, nr := range sharedCalls {
			p.on(nr, func(p *program) { p.refuse(unix.EPERM) })
		}
		for _, nr := range foreignCalls {
			p.on(nr, func(p *program) { p.refuseIf(^uint32(0), 0) })
		}
		p.on(unix.SYS_SETPRIORITY, func(p *program) { p.refuseIf(^uint32(0), 0, 1) })
	}
	if f.root {
		p.noSetuid()
	}
	p.op(bpfRet, seccompAllow)
	return p
}

// refuseControls refuses to put characters into the input of a terminal, and to change the flags of files.
func (f filter) refuseControls(p *program) {
	refused := []uint32{unix.TIOCSTI, 0x541c /* TIOCLINUX */}
	if f.metadata {
		refused = append(refused, unix.FS_IOC_SETFLAGS, 0x401c5820 /* FS_IOC_FSSETXATTR */)
	}
	p.op(bpfLoad, argument(1))
	for _, request := range refused {
		p.jump(bpfEqual, request, 0, 1)
		p.refuse(unix.EPERM)
	}
	p.op(bpfRet, seccompAllow)
}

func (p *program) noNetwork() {
	for _, nr := range networkCalls {
		p.on(nr, func(p *program) { p.refuse(unix.EPERM) })
	}
	// A datagram socket reaches any address without being connected.
	for _, nr := range [...]uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR} {
		p.on(nr, func(p *program) {
			p.op(bpfLoad, argument(0))
			p.jump(bpfEqual, unix.AF_UNIX, 0, 3)
			p.op(bpfLoad, argument(1))
			p.op(bpfAnd, 0xf)
			p.jump(bpfEqual, unix.SOCK_DGRAM, 0, 1)
			p.refuse(unix.EPERM)
			p.op(bpfRet, seccompAllow)
		})
	}
	// send(2) is sendto without an address.
	p.on(unix.SYS_SENDTO, func(p *program) {
		p.op(bpfLoad, argument(4))
		p.jump(bpfEqual, 0, 0, 2)
		p.op(bpfLoad, argument(4)+4)
		p.jump(bpfEqual, 0, 1, 0)
		p.refuse(unix.EPERM)
		p.op(bpfRet, seccompAllow)
	})
}

// noSetuid keeps the superuser from leaving a program behind that makes others the superuser.
func (p *program) noSetuid() {
	for _, c := range modeCalls {
		p.on(c.nr, func(p *program) { p.refuseIf(unix.S_ISUID, c.arg) })
	}
	for _, c := range createCalls {
		p.on(c.nr, func(p *program) {
			p.op(bpfLoad, argument(c.flags))
			p.jump(bpfAny, unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY, 1, 0)
			p.op(bpfRet, seccompAllow)
			p.refuseIf(unix.S_ISUID, c.flags+1)
		})
	}
	p.on(unix.SYS_OPENAT2, func(p *program) { p.refuse(unix.ENOSYS) })
}

type modeCall struct {
	nr  uint32
	arg int
}

type createCall struct {
	nr    uint32
	flags int // the argument of the flags; the mode follows
}

// install puts the filter on the calling thread; what it starts inherits it.
func (f filter) install() error {
	p := f.build()
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, setFilter, 0, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(p)
	if errno != 0 {
		return errno
	}
	return nil
}
