package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ways out, as tried from inside by this test binary. A way returns nil when it got out, and the refusal otherwise.
// Each is written so that it works without a sandbox, for the user that it says, and does no harm there: the test runs
// them unconfined first, to know that they are worth something.

// world is where an escape happens, told in the environment.
type world struct {
	Out      string // a folder outside, with victim, writable by the user
	Work     string // the workspace
	Hidden   string // a hidden folder with a file key
	Host     int    // pid of a process outside, of the same user
	Port     int    // a TCP listener outside
	UDP      int
	Socket   string // a stream socket in Out
	Datagram string
	Abstract string // name of an abstract socket outside
	Shm      int    // id of a shared memory segment outside
	Secret   string // part of the environment of Host
}

// way is one way out.
type way struct {
	name string
	try  func(w *world) error
	// kind: "" works for everybody, root for the superuser only; never is not to be tried unconfined, because it would
	// work, or cannot.
	kind string
	// inWork: goes for the workspace itself: an escape from read-only, allowed under workspace-write.
	inWork bool
}

var errStill = errors.New("still shut in")

func (w *world) out(name string) string  { return filepath.Join(w.Out, name) }
func (w *world) work(name string) string { return filepath.Join(w.Work, name) }

// name is one that nothing else has.
func (w *world) name() string { return "sandbox-test" + strings.ReplaceAll(w.Out, "/", "-") }

func ways() []way {
	var out []way
	for _, list := range [][]way{fileWays(), protectedWays(), procWays(), kernelWays(), networkWays(), secretWays()} {
		out = append(out, list...)
	}
	return out
}

func create(path string) error { return os.WriteFile(path, []byte("escaped"), 0o644) }

func openWrite(path string, flags int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flags, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func fileWays() []way {
	return []way{
		{name: "inherited descriptors", kind: "never", try: func(*world) error {
			names, err := readNames("/proc/self/fd")
			if err != nil {
				return err
			}
			for _, n := range names {
				// 0-2 are ours; Go opens the rest: anonymous inodes, the folder being read. First, before other ways leave some.
				to, err := os.Readlink("/proc/self/fd/" + n)
				if err == nil && n > "2" && !strings.HasPrefix(to, "anon_inode") && !strings.HasSuffix(to, "/fd") && !strings.Contains(to, "cgroup") {
					return nil
				}
			}
			return errStill
		}},
		{name: "create outside", try: func(w *world) error { return create(w.out("new")) }},
		{name: "create in workspace", inWork: true, try: func(w *world) error { return create(w.work("new")) }},
		{name: "overwrite", try: func(w *world) error { return openWrite(w.out("victim"), 0) }},
		{name: "append", try: func(w *world) error { return openWrite(w.out("victim"), os.O_APPEND) }},
		{name: "truncate", try: func(w *world) error { return os.Truncate(w.out("victim"), 1) }},
		{name: "unlink", try: func(w *world) error { return os.Remove(w.out("spare1")) }},
		{name: "mkdir", try: func(w *world) error { return os.Mkdir(w.out("dir"), 0o755) }},
		{name: "rmdir", try: func(w *world) error { return os.Remove(w.out("sparedir")) }},
		{name: "rename outside", try: func(w *world) error { return os.Rename(w.out("spare2"), w.out("renamed")) }},
		{name: "rename to outside", try: func(w *world) error {
			_ = create(w.work("mine"))
			return os.Rename(w.work("mine"), w.out("moved"))
		}},
		{name: "rename from outside", try: func(w *world) error { return os.Rename(w.out("spare3"), w.work("taken")) }},
		{name: "exchange", try: func(w *world) error {
			_ = create(w.work("swap"))
			return unix.Renameat2(unix.AT_FDCWD, w.work("swap"), unix.AT_FDCWD, w.out("spare4"), unix.RENAME_EXCHANGE)
		}},
		{name: "hard link into workspace", try: func(w *world) error {
			if err := os.Link(w.out("victim"), w.work("link")); err != nil {
				return err
			}
			return openWrite(w.work("link"), 0)
		}},
		{name: "hard link to outside", try: func(w *world) error {
			_ = create(w.work("linked"))
			return os.Link(w.work("linked"), w.out("link"))
		}},
		{name: "symlink to file", try: func(w *world) error {
			if err := os.Symlink(w.out("victim"), w.work("s")); err != nil {
				return err
			}
			return openWrite(w.work("s"), 0)
		}},
		{name: "symlink to folder", try: func(w *world) error {
			if err := os.Symlink(w.Out, w.work("sd")); err != nil {
				return err
			}
			return create(w.work("sd/through"))
		}},
		{name: "symlink outside", try: func(w *world) error { return os.Symlink("/", w.out("sym")) }},
		{name: "dotdot", try: func(w *world) error { return create(w.Work + "/../out/dotdot") }},
		{name: "chmod", try: func(w *world) error { return os.Chmod(w.out("victim"), 0o600) }},
		{name: "chown", try: func(w *world) error { return os.Chown(w.out("victim"), os.Getuid(), os.Getgid()) }},
		{name: "times", try: func(w *world) error { return os.Chtimes(w.out("victim"), time.Unix(1, 0), time.Unix(1, 0)) }},
		{name: "extended attribute", try: func(w *world) error { return unix.Setxattr(w.out("victim"), "user.out", []byte("x"), 0) }},
		{name: "file flags", kind: "root", try: func(w *world) error {
			f, err := os.Open(w.out("victim"))
			if err != nil {
				return err
			}
			return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0x40 /* FS_NODUMP_FL */)
		}},
		{name: "reopen through /proc/self/fd", try: func(w *world) error {
			f, err := os.Open(w.out("victim"))
			if err != nil {
				return err
			}
			return openWrite(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), 0)
		}},
		{name: "nameless file linked outside", try: func(w *world) error {
			fd, err := unix.Open(w.Work, unix.O_TMPFILE|unix.O_RDWR, 0o644)
			if err != nil {
				return err
			}
			return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, w.out("named"), unix.AT_SYMLINK_FOLLOW)
		}},
		{name: "shared mapping of a file open for reading", kind: "never", try: func(w *world) error {
			f, err := os.Open(w.out("victim"))
			if err != nil {
				return err
			}
			m, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ, unix.MAP_SHARED)
			if err != nil {
				return err
			}
			return unix.Mprotect(m, unix.PROT_READ|unix.PROT_WRITE)
		}},
		{name: "rename the workspace", try: func(w *world) error {
			if err := os.Rename(w.Work, w.Work+"-moved"); err != nil {
				return err
			}
			return os.Rename(w.Work+"-moved", w.Work)
		}},
		{name: "fifo outside", try: func(w *world) error { return unix.Mkfifo(w.out("fifo"), 0o600) }},
		{name: "home", try: func(w *world) error { return create(w.out("home/.bashrc")) }},
		{name: "tmp when excluded", try: func(w *world) error {
			path := "/tmp/" + w.name()
			defer os.Remove(path)
			return create(path)
		}},
		{name: "disk node", kind: "root", try: func(w *world) error {
			path := w.work("disk")
			var st unix.Stat_t
			if err := unix.Stat(w.Out, &st); err != nil {
				return err
			}
			if err := unix.Mknod(path, unix.S_IFBLK|0o600, int(st.Dev)); err != nil {
				return err
			}
			defer os.Remove(path)
			f, err := os.Open(path)
			if err == nil {
				f.Close()
			}
			return err
		}},
		{name: "disk", kind: "root", try: func(*world) error {
			for _, path := range []string{"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmsg", "/dev/kvm"} {
				if f, err := os.Open(path); err == nil {
					return f.Close()
				}
			}
			return errStill
		}},
		{name: "setuid program", kind: "root", inWork: true, try: setuidProgram},
	}
}

func setuidProgram(w *world) error {
	path := w.work("suid")
	if err := create(path); err != nil {
		return err
	}
	defer os.Remove(path)
	if err := unix.Chmod(path, 0o4755); err == nil {
		return nil
	}
	fd, err := unix.Open(w.work("suid2"), unix.O_CREAT|unix.O_WRONLY, 0o4755)
	if err != nil {
		return err
	}
	defer os.Remove(w.work("suid2"))
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_ISUID != 0 {
		return nil
	}
	return errStill
}

func protectedWays() []way {
	return []way{
		{name: "git configuration", try: func(w *world) error { return openWrite(w.work(".git/config"), os.O_APPEND) }},
		{name: "git hook", try: func(w *world) error { return create(w.work(".git/hooks/pre-commit")) }},
		{name: "rename .git", try: func(w *world) error {
			if err := os.Rename(w.work(".git"), w.work("git2")); err != nil {
				return err
			}
			return os.Rename(w.work("git2"), w.work(".git"))
		}},
		{name: "rename over .codex", try: func(w *world) error {
			if err := os.MkdirAll(w.work("evil"), 0o755); err != nil {
				return err
			}
			return os.Rename(w.work("evil"), w.work(".codex"))
		}},
		{name: "exchange .git", try: func(w *world) error {
			_ = os.MkdirAll(w.work("evilgit"), 0o755)
			ex := func() error {
				return unix.Renameat2(unix.AT_FDCWD, w.work("evilgit"), unix.AT_FDCWD, w.work(".git"), unix.RENAME_EXCHANGE)
			}
			if err := ex(); err != nil {
				return err
			}
			return ex()
		}},
		{name: "remove .git/hooks", try: func(w *world) error { return os.Remove(w.work(".git/hooks/sample")) }},
		{name: "create .codex", try: func(w *world) error {
			_ = os.Mkdir(w.work(".codex"), 0o755)
			return create(w.work(".codex/config.toml"))
		}},
		{name: "create .agents", try: func(w *world) error {
			_ = os.RemoveAll(w.work(".agents"))
			_ = os.Mkdir(w.work(".agents"), 0o755)
			return create(w.work(".agents/x"))
		}},
		{name: "link to .agents", try: func(w *world) error {
			_ = os.RemoveAll(w.work(".agents"))
			return os.Symlink(w.Work, w.work(".agents"))
		}},
		{name: "hard link to git configuration", try: func(w *world) error {
			if err := os.Link(w.work(".git/config"), w.work("cfg")); err != nil {
				return err
			}
			return openWrite(w.work("cfg"), 0)
		}},
		{name: "git folder of a worktree", try: func(w *world) error { return create(w.work("main/.git/worktrees/wt/evil")) }},
		{name: "rename above the git folder of a worktree", try: func(w *world) error {
			if err := os.Rename(w.work("main"), w.work("main2")); err != nil {
				return err
			}
			return os.Rename(w.work("main2"), w.work("main"))
		}},
		{name: "hooks of the common git folder", try: func(w *world) error { return create(w.work("main/.git/hooks/evil")) }},
		{name: "rename above a root in a root", try: func(w *world) error {
			if err := os.Rename(w.work("nest/a"), w.work("nest/a2")); err != nil {
				return err
			}
			return os.Rename(w.work("nest/a2"), w.work("nest/a"))
		}},
		{name: "replace a linked .git", try: func(w *world) error {
			path := w.work("linkroot/.git")
			target, err := os.Readlink(path)
			if err := os.Remove(path); err != nil {
				return err
			}
			if err == nil {
				return os.Symlink(target, path)
			}
			return nil
		}},
	}
}

func procWays() []way {
	host := func(w *world, file string) string { return fmt.Sprintf("/proc/%d/%s", w.Host, file) }
	return []way{
		{name: "root of the first process", kind: "root", try: func(w *world) error { return create("/proc/1/root" + w.out("r1")) }},
		{name: "own root", try: func(w *world) error { return create("/proc/self/root" + w.out("r2")) }},
		{name: "root of the host", try: func(w *world) error { return create(host(w, "root") + w.out("r3")) }},
		{name: "folder of the host", try: func(w *world) error { return create(host(w, "cwd/r4")) }},
		{name: "memory of the host", try: func(w *world) error { return openWrite(host(w, "mem"), 0) }},
		{name: "memory of the first process", kind: "root", try: func(*world) error { return openWrite("/proc/1/mem", 0) }},
		{name: "environment of the host", try: func(w *world) error {
			text, err := os.ReadFile(host(w, "environ"))
			if err == nil && !strings.Contains(string(text), w.Secret) {
				err = errStill
			}
			return err
		}},
		{name: "environment of any process", try: func(w *world) error {
			names, _ := filepath.Glob("/proc/[0-9]*/environ")
			for _, name := range names {
				if name == fmt.Sprintf("/proc/%d/environ", os.Getpid()) {
					continue // told where it is
				}
				if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), w.Secret) {
					return nil
				}
			}
			return errStill
		}},
		{name: "descriptors of the host", try: func(w *world) error {
			_, err := os.ReadDir(host(w, "fd"))
			return err
		}},
		{name: "memory parameters", kind: "root", try: func(*world) error { return openWrite("/proc/sys/vm/swappiness", 0) }},
		{name: "core pattern", kind: "root", try: func(*world) error { return openWrite("/proc/sys/kernel/core_pattern", 0) }},
		{name: "magic key", kind: "root", try: func(*world) error { return openWrite("/proc/sysrq-trigger", 0) }},
		{name: "interrupts", kind: "root", try: func(*world) error { return openWrite("/proc/irq/default_smp_affinity", 0) }},
		{name: "program loader", kind: "root", try: func(*world) error { return openWrite("/proc/sys/kernel/modprobe", 0) }},
		{name: "device events", kind: "root", try: func(*world) error { return openWrite("/sys/kernel/uevent_helper", 0) }},
		{name: "power state", kind: "root", try: func(*world) error { return openWrite("/sys/power/state", 0) }},
		{name: "control group", kind: "root", try: func(*world) error {
			const path = "/sys/fs/cgroup/unified/sandbox-test"
			if err := os.Mkdir(path, 0o755); err != nil {
				return err
			}
			return os.Remove(path)
		}},
		{name: "release agent", kind: "root", try: func(*world) error { return openWrite("/sys/fs/cgroup/memory/release_agent", 0) }},
		{name: "out of memory score of the host", try: func(w *world) error { return openWrite(host(w, "oom_score_adj"), 0) }},
		{name: "signal to the host", try: func(w *world) error {
			if exe, err := os.ReadFile(host(w, "environ")); err == nil && len(exe) == 0 {
				return errStill
			}
			return unix.Kill(w.Host, 0)
		}},
		{name: "priority of the host", try: func(w *world) error { return unix.Setpriority(unix.PRIO_PROCESS, w.Host, 19) }},
		{name: "limits of the host", try: func(w *world) error {
			var old unix.Rlimit
			return unix.Prlimit(w.Host, unix.RLIMIT_CORE, &old, nil)
		}},
	}
}

func sys(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return errno
	}
	return nil
}

// known tells a refusal at the door from one for the nonsense in the arguments: nonsense that is looked at was let in.
func known(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EACCES) {
		return err
	}
	return nil
}

func cstr(s string) uintptr {
	p, _ := unix.BytePtrFromString(s)
	kept = append(kept, p)
	return uintptr(unsafe.Pointer(p))
}

var kept []*byte

// inChild runs a way in a process of its own, because it may not come back.
func inChild(attr *syscall.SysProcAttr) error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = attr
	return cmd.Run()
}

func kernelWays() []way {
	uid := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	return []way{
		{name: "user namespace", try: func(*world) error {
			return inChild(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: uid})
		}},
		{name: "user namespace by unshare", try: func(*world) error {
			return inChild(&syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWUSER})
		}},
		{name: "user namespace by clone3", kind: "never", try: func(*world) error {
			args := [11]uint64{unix.CLONE_NEWUSER, 0, 0, 0, uint64(unix.SIGCHLD)}
			return known(sys(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), 7)) // a wrong size
		}},
		{name: "mount namespace", kind: "root", try: func(*world) error {
			return inChild(&syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS})
		}},
		{name: "network namespace", kind: "root", try: func(*world) error {
			return inChild(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
		}},
		{name: "joining namespaces", kind: "root", try: func(*world) error {
			for _, pid := range []string{"1", strconv.Itoa(os.Getppid())} {
				for _, ns := range []string{"mnt", "net", "user"} {
					if fd, err := unix.Open("/proc/"+pid+"/ns/"+ns, unix.O_RDONLY, 0); err == nil && known(unix.Setns(fd, 0)) == nil {
						return nil
					}
				}
			}
			return errStill
		}},
		{name: "remount writable", kind: "never", try: func(*world) error {
			return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "")
		}},
		{name: "mount attributes", kind: "never", try: func(*world) error {
			return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		}},
		{name: "unmount", kind: "never", try: func(w *world) error { return unix.Unmount(w.work(".git"), unix.MNT_DETACH) }},
		{name: "bind mount", kind: "never", try: func(w *world) error { return unix.Mount(w.Work, w.Out, "", unix.MS_BIND, "") }},
		{name: "new file system", kind: "never", try: func(w *world) error { return unix.Mount("tmpfs", w.Out, "tmpfs", 0, "") }},
		{name: "clone of a mount", kind: "root", try: func(*world) error {
			_, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)
			return err
		}},
		{name: "fsopen", kind: "root", try: func(*world) error {
			_, err := unix.Fsopen("tmpfs", 0)
			return err
		}},
		{name: "chroot", kind: "never", try: func(*world) error { return unix.Chroot("/") }},
		{name: "pivot", kind: "never", try: func(w *world) error { return known(unix.PivotRoot(w.Work, w.Work)) }},
		{name: "trace the host", try: func(w *world) error {
			if err := unix.PtraceSeize(w.Host); err != nil {
				return err
			}
			return unix.PtraceDetach(w.Host)
		}},
		{name: "trace the parent", kind: "never", try: func(*world) error { return unix.PtraceSeize(os.Getppid()) }},
		{name: "read memory of another process", try: func(w *world) error {
			b := make([]byte, 1)
			local := []unix.Iovec{{Base: &b[0], Len: 1}}
			_, err := unix.ProcessVMReadv(w.Host, local, []unix.RemoteIovec{{Base: 0x400000, Len: 1}}, 0)
			return known(err)
		}},
		{name: "take a descriptor", try: func(w *world) error {
			for _, pid := range []int{w.Host, os.Getppid()} {
				if fd, err := unix.PidfdOpen(pid, 0); err == nil && known(sys(unix.SYS_PIDFD_GETFD, uintptr(fd), 0, 0)) == nil {
					return nil
				}
			}
			return errStill
		}},
		{name: "add a key", try: func(*world) error {
			_, err := unix.AddKey("user", "out", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		}},
		{name: "session keyring", try: func(*world) error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_SESSION_KEYRING, false)
			return err
		}},
		{name: "request a key", try: func(*world) error {
			_, err := unix.RequestKey("user", "no such key", "", 0)
			return known(err)
		}},
		{name: "bpf", kind: "root", try: func(*world) error { return known(sys(unix.SYS_BPF, 0, 0, 0)) }},
		{name: "performance events", try: func(*world) error { return known(sys(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0)) }},
		{name: "user faults", kind: "root", try: func(*world) error { return known(sys(unix.SYS_USERFAULTFD, 0xffff)) }},
		{name: "io_uring", try: func(*world) error { return known(sys(unix.SYS_IO_URING_SETUP, 0, 0)) }},
		{name: "fanotify", kind: "root", try: func(*world) error {
			_, err := unix.FanotifyInit(0, 0)
			return err
		}},
		{name: "file handle", kind: "root", try: func(w *world) error {
			h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, w.out("victim"), 0)
			if err != nil {
				return err
			}
			dir, err := unix.Open(w.Work, unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			_, err = unix.OpenByHandleAt(dir, h, unix.O_RDWR)
			return err
		}},
		{name: "load a module", kind: "root", try: func(*world) error { return known(sys(unix.SYS_FINIT_MODULE, ^uintptr(0), cstr(""), 0)) }},
		{name: "load a kernel", kind: "root", try: func(*world) error { return known(sys(unix.SYS_KEXEC_LOAD, 0, 17, 0, 0xffff)) }},
		{name: "reboot", kind: "root", try: func(*world) error { return known(sys(unix.SYS_REBOOT, 1, 2, 3)) }}, // wrong magic
		{name: "clock", kind: "root", try: func(*world) error { return known(sys(unix.SYS_CLOCK_SETTIME, 99, 0)) }},
		{name: "swap", kind: "root", try: func(*world) error { return known(sys(unix.SYS_SWAPON, cstr("/no/such"), 0)) }},
		{name: "accounting", kind: "root", try: func(*world) error { return known(sys(unix.SYS_ACCT, cstr("/no/such"))) }},
		{name: "kernel log", kind: "root", try: func(*world) error {
			_, err := unix.Klogctl(10, nil)
			return err
		}},
		{name: "host name", kind: "never", try: func(*world) error { return unix.Sethostname([]byte("x")) }},
		{name: "type into the terminal", kind: "never", try: typeIn},
		{name: "gain rights", kind: "never", try: func(*world) error {
			b, err := os.ReadFile("/proc/self/status")
			if err != nil || !strings.Contains(string(b), "NoNewPrivs:\t0") {
				return errStill
			}
			return nil
		}},
		{name: "system administration right", kind: "root", try: func(*world) error {
			var data [2]unix.CapUserData
			head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			if err := unix.Capget(&head, &data[0]); err != nil {
				return err
			}
			data[0].Effective |= 1 << unix.CAP_SYS_ADMIN
			data[0].Permitted |= 1 << unix.CAP_SYS_ADMIN
			return unix.Capset(&head, &data[0])
		}},
		{name: "file capability", kind: "root", inWork: true, try: func(w *world) error {
			path := w.work("capable")
			if err := create(path); err != nil {
				return err
			}
			defer os.Remove(path)
			value := []byte{1, 0, 0, 2, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
			return unix.Setxattr(path, "security.capability", value, 0)
		}},
		{name: "shared memory of the host", try: func(w *world) error {
			_, err := unix.SysvShmAttach(w.Shm, 0, 0)
			return err
		}},
		{name: "named shared memory of the host", try: func(w *world) error {
			return openWrite("/dev/shm/"+w.name(), 0)
		}},
	}
}

// typeIn puts a character into the input of a terminal of its own.
func typeIn(*world) error {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	c := byte('x')
	return known(sys(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSTI, uintptr(unsafe.Pointer(&c))))
}

func networkWays() []way {
	dial := func(network, addr string) error {
		c, err := net.DialTimeout(network, addr, 2*time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}
	socket := func(domain, kind, proto int) error {
		fd, err := unix.Socket(domain, kind, proto)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	return []way{
		{name: "TCP", try: func(w *world) error { return dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.Port)) }},
		{name: "UDP", try: func(w *world) error { return sendUDP(w.UDP) }},
		{name: "listen", try: func(*world) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				l.Close()
			}
			return err
		}},
		{name: "named socket", try: func(w *world) error { return dial("unix", w.Socket) }},
		{name: "named datagram socket", try: func(w *world) error { return sendUnix(w.Datagram, false) }},
		{name: "datagram from a pair", try: func(w *world) error { return sendUnix(w.Datagram, true) }},
		{name: "abstract socket", try: func(w *world) error { return dial("unix", "@"+w.Abstract) }},
		{name: "netlink", try: func(*world) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE) }},
		{name: "raw socket", kind: "root", try: func(*world) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) }},
		{name: "packet socket", kind: "root", try: func(*world) error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) }},
		{name: "socket of the hypervisor", kind: "never", try: func(*world) error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) }},
		{name: "network configuration", kind: "root", try: func(*world) error { return openWrite("/proc/sys/net/ipv4/ip_forward", 0) }},
	}
}

func sendUDP(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	return unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

func sendUnix(path string, pair bool) error {
	var fd int
	var err error
	if pair {
		var fds [2]int
		fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		fd = fds[0]
	} else {
		fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	}
	if err != nil {
		return err
	}
	return unix.Sendmsg(fd, []byte("x"), nil, &unix.SockaddrUnix{Name: path}, 0)
}

func secretWays() []way {
	key := func(path string) error {
		text, err := os.ReadFile(path)
		if err == nil && !strings.Contains(string(text), "the key") {
			err = errStill
		}
		return err
	}
	return []way{
		{name: "hidden file", try: func(w *world) error { return key(w.out("auth.json")) }},
		{name: "file in a hidden folder", try: func(w *world) error { return key(w.Hidden + "/key") }},
		{name: "names in a hidden folder", try: func(w *world) error {
			names, err := readNames(w.Hidden)
			if err == nil && len(names) == 0 {
				err = errStill
			}
			return err
		}},
		{name: "hidden file through a link", try: func(w *world) error { return key(w.out("to-hidden/key")) }},
		{name: "hidden file through the root of the parent", try: func(w *world) error {
			for _, pid := range []int{1, os.Getppid(), w.Host} {
				if key(fmt.Sprintf("/proc/%d/root%s/key", pid, w.Hidden)) == nil {
					return nil
				}
			}
			return errStill
		}},
		{name: "hidden folder renamed", try: func(w *world) error {
			if err := os.Rename(w.Hidden, w.Hidden+"2"); err != nil {
				return err
			}
			return os.Rename(w.Hidden+"2", w.Hidden)
		}},
	}
}
