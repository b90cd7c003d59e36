;;; codexhost-ask-tests.el --- Tests of what the host asks  -*- lexical-binding: t; -*-

;;; Commentary:

;; A real MCP server, asker.py, asks through a real host; the user who types is played.

;;; Code:

(require 'codexhost-tests)

(defvar codexhost-tests--typed nil "What the user will type next: texts, lists of them, or quit.")
(defvar codexhost-tests--prompts nil "What the user was asked, newest first.")

(defun codexhost-tests--type (prompt &rest _)
  "Take note of PROMPT and return what is typed."
  (push prompt codexhost-tests--prompts)
  (let ((typed (pop codexhost-tests--typed)))
    (if (eq typed 'quit)
        (signal 'quit nil)
      typed)))

(defmacro codexhost-tests--typing (texts &rest body)
  "Run BODY with a user who types TEXTS."
  (declare (indent 1) (debug t))
  `(let ((codexhost-tests--typed ,texts) (codexhost-tests--prompts nil))
     (cl-letf (((symbol-function 'read-string)
                (lambda (prompt &optional initial &rest _)
                  (let ((typed (codexhost-tests--type prompt)))
                    (if (eq typed 'default) initial typed))))
               ((symbol-function 'read-passwd) #'codexhost-tests--type)
               ((symbol-function 'completing-read)
                (lambda (prompt _collection _predicate _match _initial _history def &rest _)
                  (let ((typed (codexhost-tests--type prompt)))
                    (if (eq typed 'default) (or def "") typed))))
               ((symbol-function 'completing-read-multiple) #'codexhost-tests--type))
       (prog1 (progn ,@body)
         (should-not codexhost-tests--typed)))))

(defun codexhost-tests--config (text)
  "Make TEXT the configuration of hosts; nil removes it."
  (let ((config (expand-file-name "config.toml" (getenv "CODEX_HOME"))))
    (if text
        (write-region text nil config nil 'silent)
      (delete-file config))))

;; The server is required, so that threads wait for it, however slow the machine is.
(defmacro codexhost-tests--with-asker (&rest body)
  "Run BODY in a chat whose host has an MCP server that asks."
  (declare (indent 0) (debug t))
  `(progn
     (skip-unless (executable-find "python3"))
     (codexhost-tests--config
      (format "[mcp_servers.asker]\ncommand = \"python3\"\nargs = [\"%s\"]\nrequired = true\nstartup_timeout_sec = 60\n"
              (getenv "ASKER")))
     (unwind-protect
         (codexhost-tests--with-chat ,@body)
       (codexhost-tests--config nil))))

(defun codexhost-tests--answer (method params label)
  "Return the answer to METHOD with PARAMS by the choice LABEL, as JSON in a plist."
  (with-temp-buffer
    (codexhost-mode)
    (let (sent)
      (cl-letf (((symbol-function 'jsonrpc-connection-send)
                 (lambda (_connection &rest args) (setq sent args))))
        (codexhost--asked 0 method params)
        (let* ((question (car codexhost--questions))
               (choice (assoc label (plist-get question :choices))))
          (should choice)
          (codexhost--answer 0 choice)
          (should-not codexhost--questions)))
      (should (equal (plist-get sent :id) 0))
      (codexhost--parse (decode-coding-string (json-serialize (plist-get sent :result) :false-object :json-false
                                                              :null-object nil)
                                              'utf-8)))))

(ert-deftest codexhost-tests-questions ()
  "Every kind of question is answered in its own shape."
  (should (equal (codexhost-tests--answer "item/commandExecution/requestApproval"
                                          '(:command "touch a" :cwd "/" :proposedExecpolicyAmendment ["touch"])
                                          "Yes, and always allow what starts with: touch")
                 '(:decision (:acceptWithExecpolicyAmendment (:execpolicy_amendment ["touch"])))))
  (should (equal (codexhost-tests--answer "item/commandExecution/requestApproval"
                                          '(:networkApprovalContext (:host "example.com" :protocol "https")
                                            :additionalPermissions (:network (:enabled t))
                                            :proposedNetworkPolicyAmendments [(:action "allow" :host "example.com")])
                                          "Always allow example.com")
                 '(:decision (:applyNetworkPolicyAmendment
                              (:network_policy_amendment (:action "allow" :host "example.com"))))))
  (should (equal (codexhost-tests--answer "item/fileChange/requestApproval" '(:itemId "gone" :grantRoot "/srv") "Yes")
                 '(:decision "accept")))
  (should (equal (codexhost-tests--answer "item/permissions/requestApproval"
                                          '(:permissions (:network (:enabled t)) :reason "why")
                                          "Yes, for this session")
                 '(:permissions (:network (:enabled t)) :scope "session")))
  (should (equal (codexhost-tests--answer "item/permissions/requestApproval" '(:permissions (:network nil)) "No")
                 '(:permissions nil :scope "turn")))
  (codexhost-tests--typing '("typed")
    (should (equal (codexhost-tests--answer "item/tool/requestUserInput" '(:questions [(:id "b" :question "What?")])
                                            "Answer")
                   '(:answers (:b (:answers ["typed"]))))))
  (with-temp-buffer
    (codexhost-mode)
    (let (sent)
      (cl-letf (((symbol-function 'jsonrpc-connection-send) (lambda (_connection &rest args) (setq sent args))))
        (codexhost--asked 3 "some/new/question" nil))
      (should (equal (plist-get (plist-get sent :error) :code) -32601))
      (should-not codexhost--questions))))

(ert-deftest codexhost-tests-form ()
  "A server's form is filled in, field by field."
  (codexhost-tests--with-asker
    (codexhost-tests--typing '("" "X" "Ada" "old" "36" "nowhere" "ada@example.com" "Yes" "Green"
                               ("tuna" "salmon" "trout") ("tuna" "salmon"))
      (codexhost-tests--say "mcp:asker/form {} ;; say:{{output}}" "Answer]")
      (let ((prompts (reverse codexhost-tests--prompts)))
        (should (equal (seq-take prompts 3)
                       '("Your name (as you sign): "
                         "Your name (as you sign). an answer is needed: "
                         "Your name (as you sign). at least 2 characters, please: ")))
        (should (equal (nth 4 prompts) "age. a number, please: "))
        (should (equal (nth 5 prompts) "mail, or nothing: "))
        (should (equal (nth 10 prompts) "fish. at most 2 of them, please, or nothing: "))))
    (codexhost-tests--text "? asker asks: Who are you?")
    (codexhost-tests--text
     "\"content\":{\"age\":36,\"agree\":true,\"colour\":\"g\",\"fish\":[\"tuna\",\"salmon\"],\"mail\":\"ada@example.com\",\"name\":\"Ada\"}")))

(ert-deftest codexhost-tests-form-defaults ()
  "Fields that need no answer are left out, defaults are there already."
  (codexhost-tests--with-asker
    (codexhost-tests--typing '("Ada" default "" default "" nil)
      (codexhost-tests--say "mcp:asker/form {} ;; say:{{output}}" "Answer]"))
    (codexhost-tests--text "\"content\":{\"age\":42,\"agree\":true,\"name\":\"Ada\"}")))

(ert-deftest codexhost-tests-form-refused ()
  "A form is declined, cancelled, and left in the middle."
  (codexhost-tests--with-asker
    (codexhost-tests--say "mcp:asker/form {} ;; say:{{output}}" "No]")
    (codexhost-tests--text "{\"action\":\"decline\"}")
    (codexhost-tests--say "mcp:asker/form {} ;; say:{{output}}" "Cancel]")
    (codexhost-tests--text "{\"action\":\"cancel\"}")
    (codexhost-say "mcp:asker/form {} ;; say:{{output}}")
    (codexhost-tests--wait "the question" codexhost--questions)
    (codexhost-tests--typing '(quit)
      (should (eq (condition-case nil (codexhost-tests--push "Answer]") (quit 'quit)) 'quit)))
    (should codexhost--questions)
    (codexhost-interrupt)
    (codexhost-tests--idle)
    (should-not codexhost--questions)
    (codexhost-tests--say "mcp:asker/confirm {} ;; say:{{output}}" "Yes]")
    (codexhost-tests--text "{\"action\":\"accept\",\"content\":{}}")))

(ert-deftest codexhost-tests-url ()
  "An address of a server is opened when the user agrees."
  (codexhost-tests--with-asker
    (let (opened)
      (cl-letf (((symbol-function 'browse-url) (lambda (url &rest _) (push url opened))))
        (codexhost-tests--say "mcp:asker/url {} ;; say:{{output}}" "Yes, open it]")
        (codexhost-tests--text "\"action\":\"accept\"")
        (codexhost-tests--say "mcp:asker/url {} ;; say:{{output}}" "No]")
        (codexhost-tests--text "\"action\":\"decline\""))
      (should (equal opened '("https://example.com/sign-in"))))))

(ert-deftest codexhost-tests-tool ()
  "A tool of a server runs after it was approved, with what it is given."
  (codexhost-tests--with-asker
    (codexhost-say "mcp:asker/write {\"a\": 1} ;; say:{{output}}")
    (codexhost-tests--text "run tool \"write\"?\n    {\"a\":1}")
    (codexhost-tests--push "No]")
    (codexhost-tests--idle)
    (codexhost-tests--text "user rejected MCP tool call")
    (codexhost-tests--say "mcp:asker/write {\"a\": 1} ;; say:{{output}}" "Yes, and do not ask again in this session]")
    (codexhost-tests--say "mcp:asker/write {\"a\": 2} ;; say:{{output}}")
    (codexhost-tests--text "* asker/write {\"a\":2}  [done]\n    written\n\nwritten")))

(ert-deftest codexhost-tests-plan ()
  "The model asks the user in plan mode."
  (codexhost-tests--with-chat
    (codexhost-tests--typing '("plan")
      (codexhost-choose-mode))
    (let ((ask (concat "call:request_user_input {\"questions\":["
                       "{\"id\":\"colour\",\"header\":\"C\",\"question\":\"Which colour?\",\"options\":[{\"label\":\"Red\",\"description\":\"\"}]},"
                       "{\"id\":\"size\",\"header\":\"S\",\"question\":\"Which size?\",\"options\":[{\"label\":\"L\",\"description\":\"\"}]},"
                       "{\"id\":\"more\",\"header\":\"M\",\"question\":\"What more?\",\"options\":[{\"label\":\"None\",\"description\":\"\"}]}"
                       "]} ;; say:{{output}}")))
      (codexhost-tests--typing '("Red" "huge" "")
        (codexhost-tests--say ask "Answer]"))
      (codexhost-tests--text "\"colour\":{\"answers\":[\"Red\"]}")
      (codexhost-tests--text "\"size\":{\"answers\":[\"huge\"]}")
      (codexhost-tests--lacks "\"more\":{")
      (should (string-suffix-p "plan mode" (codexhost--uses)))
      (codexhost-tests--say ask "Leave it out]")
      (codexhost-tests--text "{\"answers\":{}}"))
    (codexhost-tests--typing '("default")
      (codexhost-choose-mode))
    (codexhost-tests--say "call:request_user_input {\"questions\":[]} ;; say:{{output}}")
    (codexhost-tests--text "unavailable in Default mode")))

(ert-deftest codexhost-tests-values ()
  "What is typed into a field is held against its limits."
  (pcase-dolist (`(,field ,text ,wanted)
                 '(((:kind text :minLength 2) "ü" "at least 2 characters, please")
                   ((:kind text :maxLength 2) "üü" ("üü"))
                   ((:kind integer :minimum 1) "0" "at least 1, please")
                   ((:kind integer) "1.5" "a number, please")
                   ((:kind integer) "2.0" (2))
                   ((:kind number :maximum 2) "1.5" (1.5))
                   ((:kind number) "one" "a number, please")
                   ((:kind text :format "uri") "https://example.com" ("https://example.com"))
                   ((:kind text :format "date") "31.1.2026" "a date such as 2026-01-31, please")
                   ((:kind text :format "date-time") "2026-01-31T12:00:00Z" ("2026-01-31T12:00:00Z"))))
    (should (equal (codexhost-form-value field text) wanted))))

(provide 'codexhost-ask-tests)
;;; codexhost-ask-tests.el ends here
