;;; codexhost-threads-tests.el --- Tests of threads, choices and the overview  -*- lexical-binding: t; -*-

;;; Commentary:

;; They drive the list of threads, the choices for the next turns, and the overview, against a real host.

;;; Code:

(require 'codexhost-ask-tests)
(require 'codexhost-overview)
(require 'codexhost-threads)

(ert-deftest codexhost-tests-resume ()
  "A thread is picked and resumed."
  (codexhost-tests--with-chat
    (codexhost-tests--say "say:to be remembered")
    (let ((id (plist-get codexhost--thread :id)))
      (codexhost-new)
      (codexhost-tests--wait "another thread"
        (and codexhost--loaded (not (equal id (plist-get codexhost--thread :id)))))
      (codexhost-tests--lacks "to be remembered")
      (cl-letf (((symbol-function 'completing-read)
                 (lambda (_prompt table &rest _) (car (all-completions "" table)))))
        (codexhost-resume)
        (codexhost-tests--text "\nto be remembered"))
      (should (equal id (plist-get codexhost--thread :id))))
    (codexhost-tests--say "say:and more")
    (codexhost-tests--text "\nand more")))

(defun codexhost-tests--other (id)
  "Wait for a thread that is not ID."
  (codexhost-tests--wait "another thread"
    (and codexhost--loaded (not (equal id (plist-get codexhost--thread :id))))))

(defun codexhost-tests--id ()
  "Return the id of the current thread."
  (plist-get codexhost--thread :id))

(defun codexhost-tests--listed (text &optional absent)
  "Wait until the list of threads has TEXT, and not ABSENT; go there."
  (codexhost-tests--wait (format "the line %S" text)
    (and (string-search text (buffer-string))
         (not (and absent (string-search absent (buffer-string))))))
  (goto-char (point-min))
  (search-forward text))

(ert-deftest codexhost-tests-threads ()
  "Threads are listed, searched, renamed and archived."
  (codexhost-tests--with-chat
    (let ((chat (current-buffer)) id)
      (codexhost-tests--say "say:apple")
      (setq id (codexhost-tests--id))
      (codexhost-new)
      (codexhost-tests--other id)
      (codexhost-tests--say "say:pear")
      (codexhost-rename "My pear")
      (codexhost-tests--wait "the name" (equal (plist-get codexhost--thread :name) "My pear"))
      (codexhost-threads)
      (codexhost-tests--listed "My pear")
      (should-error (codexhost-threads-archive) :type 'user-error)
      (codexhost-threads-search "apple")
      (codexhost-tests--listed "say:apple" "My pear")
      (codexhost-threads-rename "An apple")
      (codexhost-tests--listed "An apple")
      (codexhost-threads-archive)
      (codexhost-tests--wait "an empty list" (= (buffer-size) 0))
      (codexhost-threads-toggle-archived)
      (codexhost-tests--listed "An apple")
      (should-error (codexhost-threads-open) :type 'user-error)
      (codexhost-threads-archive)
      (codexhost-tests--wait "an empty list" (= (buffer-size) 0))
      (codexhost-threads-toggle-archived)
      (codexhost-threads-search "")
      (codexhost-tests--listed "My pear")
      (codexhost-threads-toggle-all)
      (codexhost-tests--listed (abbreviate-file-name (directory-file-name default-directory)))
      (codexhost-tests--listed "An apple")
      (codexhost-threads-open)
      (set-buffer chat)
      (codexhost-tests--text "\n\napple")
      (should (equal (codexhost-tests--id) id))
      (kill-buffer (get-buffer (format "*codexhost threads: %s*" (abbreviate-file-name default-directory)))))))

(ert-deftest codexhost-tests-fork ()
  "A thread is forked at its end, after the turn at point, and from the list."
  (codexhost-tests--with-chat
    (codexhost-tests--say "say:first")
    (codexhost-tests--say "say:second")
    (let ((chat (current-buffer)) (id (codexhost-tests--id)))
      (goto-char (point-max))
      (codexhost-fork)
      (codexhost-tests--other id)
      (codexhost-tests--text "\nsecond")
      (codexhost-tests--say "say:third")
      (setq id (codexhost-tests--id))
      (codexhost-threads)
      (codexhost-tests--listed "say:first")
      (codexhost-threads-fork)
      (set-buffer chat)
      (codexhost-tests--other id)
      (setq id (codexhost-tests--id))
      (goto-char (point-min))
      (search-forward "\nfirst")
      (codexhost-fork)
      (codexhost-tests--other id)
      (codexhost-tests--text "\nfirst")
      (codexhost-tests--lacks "\nsecond")
      (codexhost-tests--say "say:elsewhere")
      (codexhost-tests--text "\nelsewhere"))))

(ert-deftest codexhost-tests-choices ()
  "The sandbox, the approvals and the model are chosen, and kept over a resume."
  (codexhost-tests--with-chat
    (codexhost-tests--typing '("read-only" "untrusted" "other-model")
      (codexhost-choose-sandbox)
      (codexhost-choose-approvals)
      (codexhost-choose-model)
      (codexhost-tests--wait "the models" (null codexhost-tests--typed)))
    (codexhost-tests--say "exec:echo y >made ;; say:end" "Yes]")
    (should (equal (plist-get codexhost--settings :model) "other-model"))
    (should (equal (plist-get codexhost--settings :sandbox) "read-only"))
    (should (equal (codexhost--uses) ", other-model, read-only"))
    (codexhost-tests--stop)
    (codexhost-tests--say "exec:echo y >made ;; say:end" "Yes]")
    (should-not (and (file-exists-p "made") (> (file-attribute-size (file-attributes "made")) 0)))
    (codexhost-tests--typing '("danger-full-access")
      (codexhost-choose-sandbox))
    (codexhost-tests--say "exec:echo y >made ;; say:end" "Yes]")
    (should (> (file-attribute-size (file-attributes "made")) 0))
    (delete-file "made")))

(ert-deftest codexhost-tests-overview ()
  "Skills and MCP servers are shown, with what is wrong with them."
  (let ((skills (expand-file-name "skills" (getenv "CODEX_HOME"))))
    (codexhost-tests--config "[mcp_servers.gone]\ncommand = \"no-such-server\"\n")
    (pcase-dolist (`(,name ,text) '(("fine" "---\nname: fine\ndescription: A fine skill.\n---\nText.\n")
                                    ("broken" "nothing of use")))
      (make-directory (expand-file-name name skills) t)
      (write-region text nil (expand-file-name (concat name "/SKILL.md") skills) nil 'silent))
    (unwind-protect
        (codexhost-tests--with-chat
          (codexhost-tests--text "! The MCP server gone did not start")
          (codexhost-show-status)
          (codexhost-tests--wait "the status" (get-buffer "*codexhost status*"))
          (with-current-buffer "*codexhost status*"
            (dolist (text '("codexhost.el/" "sandbox    danger-full-access" "  $fine: A fine skill."
                            "skills/broken/SKILL.md: " "  ! gone: "))
              (should (string-search text (buffer-string))))
            (kill-buffer)))
      (codexhost-tests--config nil)
      (delete-directory skills t))))

(provide 'codexhost-threads-tests)
;;; codexhost-threads-tests.el ends here
