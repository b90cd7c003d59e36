;;; codexhost-tests.el --- Tests of codexhost.el  -*- lexical-binding: t; -*-

;;; Commentary:

;; They drive the chat against a real host with the offline model, in the folder that Emacs was started in; the
;; variable HOST names the host.  Every wait is bounded.

;;; Code:

(require 'codexhost)
(require 'ert)

(defvar codexhost-tests--host (getenv "HOST"))

(defconst codexhost-tests--patience (string-to-number (or (getenv "PATIENCE") "60"))
  "Seconds until something that is waited for is given up.")

(defmacro codexhost-tests--wait (what &rest condition)
  "Wait until CONDITION holds, or fail with WHAT."
  (declare (indent 1) (debug t))
  `(let ((deadline (+ (float-time) codexhost-tests--patience)))
     (while (not (progn ,@condition))
       (when (> (float-time) deadline)
         (error "Waited in vain for %s; %s, text:\n%s" ,what (codexhost-status) (buffer-string)))
       (accept-process-output nil 0.01))))

(defun codexhost-tests--stop ()
  "End the host and wait for it."
  (codexhost-stop)
  (codexhost-tests--wait "the end of the host"
    (not (codexhost--live-p))))

(defmacro codexhost-tests--with-chat (&rest body)
  "Run BODY in a new chat with a thread of its own."
  (declare (indent 0) (debug t))
  `(let ((codexhost-command (list codexhost-tests--host "app-server"))
         (codexhost-approval-policy "untrusted")
         (codexhost-sandbox "danger-full-access"))
     (should codexhost-tests--host)
     (save-window-excursion
       (let ((chat (codexhost--chat)))
         (with-current-buffer chat
           (unwind-protect
               (progn
                 (codexhost)
                 (codexhost-tests--wait "a thread" (equal (codexhost-status) "idle"))
                 ,@body)
             (set-buffer chat)
             (codexhost-tests--stop)
             (when (get-buffer "*codexhost diff*")
               (kill-buffer "*codexhost diff*"))
             (kill-buffer)))))))

(defun codexhost-tests--idle ()
  "Wait for the end of the turn."
  (codexhost-tests--wait "the end of the turn"
    (string-prefix-p "idle" (codexhost-status))))

(defun codexhost-tests--text (text)
  "Wait until TEXT is in the chat."
  (codexhost-tests--wait (format "the text %S" text)
    (string-search text (buffer-string))))

(defun codexhost-tests--say (text &rest labels)
  "Say TEXT, give the answers LABELS, and wait for the end of the turn."
  (let ((ended nil))
    (cl-letf* ((told (symbol-function 'codexhost--told))
               ((symbol-function 'codexhost--told)
                (lambda (method params)
                  (funcall told method params)
                  (when (equal method "turn/completed")
                    (setq ended t)))))
      (codexhost-say text)
      (dolist (label labels)
        (codexhost-tests--wait "a question" codexhost--questions)
        (codexhost-tests--push label))
      (codexhost-tests--wait (concat "the end of: " text) ended)
      (codexhost-tests--idle))))

(defun codexhost-tests--push (label)
  "Push the last button whose text starts with LABEL."
  (goto-char (point-max))
  (should (search-backward (concat "[" label) nil t))
  (push-button (point))
  (goto-char (point-max)))

(defun codexhost-tests--lacks (text)
  "Fail if TEXT is in the chat."
  (should-not (string-search text (buffer-string))))

(ert-deftest codexhost-tests-stream ()
  "A prompt is answered piece by piece."
  (codexhost-tests--with-chat
    (codexhost-say "slow:300 word")
    (codexhost-tests--text "> slow:300 word")
    (codexhost-tests--text "\nword")
    (should (string-prefix-p "running" (codexhost-status)))
    (codexhost-tests--idle)
    (should (string-match-p "\\`idle, [0-9]+k tokens left\\'" (codexhost-status)))))

(ert-deftest codexhost-tests-unicode ()
  "Text that is not ASCII arrives as it was sent, whatever its length in bytes."
  (codexhost-tests--with-chat
    (codexhost-tests--say "say:Grüße, 世界 🙂")
    (codexhost-tests--text "\n\nGrüße, 世界 🙂")
    (codexhost-tests--say "think:Hmm. ;; say:end")
    (codexhost-tests--text "end")))

(ert-deftest codexhost-tests-reasoning ()
  "All but the first line of reasoning is folded, until it is asked for."
  (codexhost-tests--with-chat
    (codexhost-tests--say "think:one\ntwo\nthree ;; say:end")
    (codexhost-tests--text "one\ntwo\nthree\n\nend")
    (goto-char (point-min))
    (search-forward "\n\none")
    (should-not (invisible-p (1- (point))))
    (search-forward "two\nthree")
    (should (invisible-p (1- (point))))
    (codexhost-toggle-reasoning)
    (should-not (invisible-p (1- (point))))
    (codexhost-toggle-reasoning)
    (search-forward "end")
    (should-not (invisible-p (1- (point))))))

(ert-deftest codexhost-tests-long ()
  "An answer of a megabyte in many deltas is taken."
  (codexhost-tests--with-chat
    (codexhost-tests--say "deltas:200 5000")
    (should (> (buffer-size) 1000000))))

(ert-deftest codexhost-tests-approve ()
  "A command runs after it was approved."
  (codexhost-tests--with-chat
    (codexhost-tests--say "exec:echo one; ls -d / ;; say:end" "Yes]")
    (codexhost-tests--text "$ echo one; ls -d /  [done]\n    one\n    /")
    (codexhost-tests--text "? Run this in")))

(ert-deftest codexhost-tests-refuse ()
  "A refused command does not run."
  (codexhost-tests--with-chat
    (codexhost-tests--say "exec:touch refused.txt ;; say:so be it" "No]")
    (codexhost-tests--text "[declined]")
    (codexhost-tests--text "\nso be it")
    (should-not (file-exists-p "refused.txt"))))

(ert-deftest codexhost-tests-refuse-and-stop ()
  "A refusal can stop the turn."
  (codexhost-tests--with-chat
    (codexhost-tests--say "exec:touch refused.txt ;; say:not reached" "No, and stop")
    (codexhost-tests--text "! Interrupted.")
    (codexhost-tests--lacks "\nnot reached")))

(ert-deftest codexhost-tests-session-approval ()
  "An approval for the session is asked once."
  (codexhost-tests--with-chat
    (codexhost-tests--say "exec:echo again ;; say:a" "Yes, and do not ask again")
    (codexhost-tests--say "exec:echo again ;; say:b")
    (codexhost-tests--text "\nb")))

(ert-deftest codexhost-tests-minibuffer ()
  "A question can be answered in the minibuffer."
  (codexhost-tests--with-chat
    (codexhost-say "exec:echo asked ;; say:end")
    (codexhost-tests--wait "the question" codexhost--questions)
    (should (string-prefix-p "waiting" (codexhost-status)))
    (cl-letf (((symbol-function 'completing-read) (lambda (&rest _) "Yes")))
      (codexhost-answer))
    (codexhost-tests--idle)
    (codexhost-tests--text "    asked")
    (should-error (codexhost-answer) :type 'user-error)))

(ert-deftest codexhost-tests-question-after-resume ()
  "A question is still open when its thread was left and is resumed."
  (codexhost-tests--with-chat
    (codexhost-tests--say "say:first")
    (codexhost-say "exec:echo kept ;; say:end")
    (codexhost-tests--wait "the question" codexhost--questions)
    (let ((thread codexhost--thread))
      (codexhost-new)
      (codexhost-tests--wait "another thread" codexhost--loaded)
      (codexhost--leave-thread)
      (setq codexhost--thread thread)
      (codexhost--ensure t #'ignore)
      (codexhost-tests--wait "the thread" codexhost--loaded))
    (codexhost-tests--text "\nfirst")
    (codexhost-tests--push "Yes]")
    (codexhost-tests--text "    kept")
    (codexhost-tests--idle)))

(ert-deftest codexhost-tests-two-questions ()
  "Two questions are open at once and answered in any order."
  (codexhost-tests--with-chat
    (codexhost-say "exec:echo red ||| exec:echo blue ;; say:end")
    (codexhost-tests--wait "two questions" (= (length codexhost--questions) 2))
    (codexhost-tests--push "No]")
    (codexhost-tests--push "Yes]")
    (codexhost-tests--idle)
    (codexhost-tests--text "[done]")
    (codexhost-tests--text "[declined]")))

;; The patches are whole ones, so that the change of a file is tested beside a new one.
(defun codexhost-tests--patch (file)
  "Return a prompt that makes the model add FILE."
  (format "patch:*** Begin Patch\n*** Add File: %s\n+hello\n+world\n*** End Patch ;; say:end" file))

(ert-deftest codexhost-tests-diff ()
  "A change of files is shown as a diff and made after approval."
  (codexhost-tests--with-chat
    (codexhost-say (codexhost-tests--patch "new.txt"))
    (codexhost-tests--wait "the question" codexhost--questions)
    (codexhost-tests--text "? Change new.txt?")
    (should-not (file-exists-p "new.txt"))
    (with-current-buffer "*codexhost diff*"
      (should (eq major-mode 'diff-mode))
      (should (string-search "+hello\n+world\n" (buffer-string)))
      (kill-buffer))
    (codexhost-tests--push "Yes]")
    (codexhost-tests--idle)
    (codexhost-tests--text "± add new.txt  [done]")
    (should (file-exists-p "new.txt"))
    (goto-char (point-max))
    (codexhost-diff) ; of the turn
    (with-current-buffer "*codexhost diff*"
      (should (string-search "+hello" (buffer-string))))
    (let ((buffer (find-file-noselect "new.txt")))
      (codexhost-tests--say
       "patch:*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+good day\n world\n*** End Patch ;; say:end" "Yes]")
      (codexhost-tests--text "± update new.txt  [done]")
      (search-backward "± update")
      (codexhost-diff) ; at point
      (with-current-buffer "*codexhost diff*"
        (should (string-search "-hello\n+good day\n" (buffer-string))))
      (with-current-buffer buffer
        (should (equal (buffer-string) "good day\nworld\n")) ; what is visited is reverted
        (kill-buffer)))))

(ert-deftest codexhost-tests-refuse-diff ()
  "A refused change is not made."
  (codexhost-tests--with-chat
    (codexhost-tests--say (codexhost-tests--patch "kept.txt") "No]")
    (codexhost-tests--text "± add kept.txt  [declined]")
    (should-not (file-exists-p "kept.txt"))))

(ert-deftest codexhost-tests-interrupt ()
  "A turn is interrupted, and the thread goes on."
  (codexhost-tests--with-chat
    (codexhost-say "stall:")
    (codexhost-tests--wait "the turn" (string-prefix-p "running" (codexhost-status)))
    (codexhost-interrupt)
    (codexhost-tests--text "! Interrupted.")
    (codexhost-tests--say "say:still here")
    (codexhost-tests--text "\nstill here")))

(ert-deftest codexhost-tests-interrupt-question ()
  "An interrupt takes an open question back."
  (codexhost-tests--with-chat
    (codexhost-say "exec:touch late.txt")
    (codexhost-tests--wait "the question" codexhost--questions)
    (codexhost-interrupt)
    (codexhost-tests--text "(no longer open)")
    (codexhost-tests--lacks "[Yes]")
    (codexhost-tests--say "say:next")
    (should-not (file-exists-p "late.txt"))))

(ert-deftest codexhost-tests-steer ()
  "A turn is steered."
  (codexhost-tests--with-chat
    (should-error (codexhost-steer "say:nothing") :type 'user-error)
    (codexhost-say "slow:9000 early")
    (codexhost-tests--wait "the turn" (string-prefix-p "running" (codexhost-status)))
    (let ((turns 0) (told (symbol-function 'codexhost--told)))
      (cl-letf (((symbol-function 'codexhost--told)
                 (lambda (method params)
                   (when (equal method "turn/started")
                     (cl-incf turns))
                   (funcall told method params))))
        (codexhost-steer "say:late")
        (codexhost-tests--text "> say:late")
        (codexhost-tests--text "\n\nlate")
        (codexhost-tests--idle))
      (should (= turns 0)))))

(ert-deftest codexhost-tests-region ()
  "A region is sent with its place."
  (codexhost-tests--with-chat
    (let ((chat (current-buffer)))
      (with-temp-buffer
        (insert "a\nb\nc\nd\n")
        (cl-letf (((symbol-function 'codexhost--chat) (lambda () chat)))
          (codexhost-send-region 3 7 "What is this?"))))
    (codexhost-tests--text "> What is this?")
    (codexhost-tests--text "lines 2 to 3:\n> ```\n> b\n> c\n> ```")
    (codexhost-tests--idle)))

(ert-deftest codexhost-tests-compose ()
  "A composed text keeps its lines."
  (codexhost-tests--with-chat
    (let ((chat (current-buffer)))
      (codexhost-compose)
      (insert "say:first\nsecond\n")
      (codexhost-compose-send)
      (set-buffer chat))
    (codexhost-tests--text "\n\nfirst\nsecond")
    (codexhost-tests--idle)))

(ert-deftest codexhost-tests-death-unused ()
  "A thread that was not used has no file; after a death another one is started."
  (codexhost-tests--with-chat
    (signal-process (jsonrpc--process codexhost--connection) 'KILL)
    (codexhost-tests--text "The host ended with status 9.")
    (codexhost-tests--say "say:after")
    (codexhost-tests--text "\n\nafter"))
  (should (equal (codexhost--kind '(:message "no rollout found for thread id x")) "threadNotFound"))
  (should (equal (codexhost--kind '(:message "no active turn to steer" :data nil)) "noActiveTurn"))
  (should-not (codexhost--kind '(:message "other"))))

(ert-deftest codexhost-tests-death ()
  "The death of a host is told of; it is started again with the same thread."
  (codexhost-tests--with-chat
    (codexhost-tests--say "say:before")
    (let ((id (plist-get codexhost--thread :id)))
      (codexhost-say "exec:echo lost")
      (codexhost-tests--wait "the question" codexhost--questions)
      (signal-process (jsonrpc--process codexhost--connection) 'KILL)
      (codexhost-tests--text "The host ended with status 9, the turn is lost")
      (should (equal (car (split-string (codexhost-status) ",")) "off"))
      (should-not codexhost--questions)
      (codexhost-tests--say "say:after")
      (codexhost-tests--text "\nbefore")
      (codexhost-tests--text "\nafter")
      (should (equal id (plist-get codexhost--thread :id))))))

(ert-deftest codexhost-tests-stop ()
  "The host is stopped in the middle of a turn, and started by the next message."
  (codexhost-tests--with-chat
    (codexhost-tests--say "say:before")
    (codexhost-say "stall:")
    (codexhost-tests--wait "the turn" codexhost--turn)
    (codexhost-tests--stop)
    (codexhost-tests--lacks "The host ended")
    (codexhost-tests--say "say:after")
    (codexhost-tests--text "\nbefore")))

(ert-deftest codexhost-tests-failure ()
  "A turn that fails says why."
  (codexhost-tests--with-chat
    (codexhost-tests--say "fail:400")
    (codexhost-tests--text "scripted failure")))

(ert-deftest codexhost-tests-no-program ()
  "A program that is not there is told of."
  (let ((codexhost-command '("no-such-program")))
    (with-current-buffer (codexhost--chat)
      (unwind-protect
          (let ((err (should-error (codexhost-say "hello") :type 'user-error)))
            (should (string-match-p "no-such-program" (cadr err))))
        (kill-buffer)))))

(ert-deftest codexhost-tests-bad-program ()
  "A program that ends at once is told of, with its last words."
  ;; It reads before it ends: a batch Emacs does not survive a pipe that breaks while it writes.
  (let ((codexhost-command '("sh" "-c" "read -r line; echo some reason >&2; exit 3")))
    (with-current-buffer (codexhost--chat)
      (unwind-protect
          (progn
            (codexhost-say "hello")
            (codexhost-tests--text "The host ended with status 3")
            (codexhost-tests--wait "off" (equal (codexhost-status) "off")))
        (kill-buffer)))))

(ert-deftest codexhost-tests-pieces ()
  "Messages are put together from pieces, in bytes; members of no meaning are left out."
  (let ((codexhost-command
         (list "sh" "-c"
               (concat "read -r line; printf 'Content-Le'; sleep 0.05; printf 'ngth: 65\\r\\n\\r\\n{\"method\":\"warning\",';"
                       "printf '\"emittedAtMs\":1,\"params\":{\"message\":\"Gr\\303'; sleep 0.05;"
                       "printf '\\274n\"}}Content-Length: 65\\r\\nContent-Type: x\\r\\n\\r\\n';"
                       "printf '{\"id\":1,\"error\":{\"code\":1,\"message\":\"no\",\"data\":{\"remedy\":';"
                       "sleep 0.05; printf '\"do\"}}}'; sleep 5"))))
    (with-current-buffer (codexhost--chat)
      (unwind-protect
          (progn
            (codexhost-say "hello")
            (codexhost-tests--text "! no (do)")
            (codexhost-tests--text "! Grün\n"))
        (delete-process (jsonrpc--process codexhost--connection))
        (kill-buffer)))))

(ert-deftest codexhost-tests-broken-config ()
  "A broken configuration is told of."
  (let ((config (expand-file-name "config.toml" (getenv "CODEX_HOME"))))
    (unwind-protect
        (let ((codexhost-command (list codexhost-tests--host "app-server")))
          (write-region "model = [\n" nil config)
          (with-current-buffer (codexhost--chat)
            (codexhost-say "say:hello")
            (codexhost-tests--text "config")
            (codexhost-tests--stop)
            (kill-buffer)))
      (delete-file config))))

(ert-deftest codexhost-tests-command ()
  "A command is shown without its shell, and whole."
  (pcase-dolist (`(,given ,wanted)
                 '(("/bin/bash -lc 'echo one; ls /'" "echo one; ls /")
                   ("/bin/bash -lc 'echo one\nls'" "echo one\nls")
                   ("/bin/bash -lc ls" "ls")
                   ("/bin/sh -c \"echo \\\"it's\\\" \\$HOME\"" "echo \"it's\" $HOME")
                   ("/bin/bash -lc 'a' 'b'" "/bin/bash -lc 'a' 'b'")
                   ("/bin/bash -lc \"a\" \"b\"" "/bin/bash -lc \"a\" \"b\"")
                   ("git status" "git status")))
    (should (equal (codexhost--bare-command given) wanted))))

(ert-deftest codexhost-tests-unified ()
  "Changes become a unified diff."
  (should (equal (codexhost--unified
                  [(:path "a" :kind (:type "add") :diff "x\ny\n")
                   (:path "b" :kind (:type "delete") :diff "z\n")
                   (:path "c" :kind (:type "update" :move_path "d") :diff "@@ -1 +1 @@\n-1\n+2\n")])
                 (concat "--- /dev/null\n+++ a\n@@ -0,0 +1,2 @@\n+x\n+y\n"
                         "--- b\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-z\n"
                         "--- c\n+++ d\n@@ -1 +1 @@\n-1\n+2\n"))))

(ert-deftest codexhost-tests-tail ()
  "Only the last lines of a long output are shown."
  (let ((codexhost-output-lines 2))
    (should (equal (codexhost--tail "a\nb\nc\nd\n") "... 2 lines before\nc\nd"))
    (should (equal (codexhost--tail "a\nb\n") "a\nb"))))

(provide 'codexhost-tests)
;;; codexhost-tests.el ends here
