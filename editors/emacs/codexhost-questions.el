;;; codexhost-questions.el --- What the host asks, as questions for a person  -*- lexical-binding: t; -*-

;;; Commentary:

;; Each request of the host that is a question becomes a text and choices, each with the answer that the host gets.

;;; Code:

(require 'browse-url)
(require 'codexhost-form)
(require 'codexhost-render)

(defun codexhost--decisions (again)
  "Return the choices of an approval; AGAIN names what is not asked again."
  `(("Yes" :decision "accept")
    (,(format "Yes, and do not ask again for %s" again) :decision "acceptForSession")
    ("No" :decision "decline")
    ("No, and stop the turn" :decision "cancel")))

(defun codexhost--question (method params item)
  "Return the question of METHOD with PARAMS, nil for an unknown METHOD.
ITEM is what it is about, if that was announced.
It is a plist.  :text is what is asked.  :choices are pairs of a label and the
answer for the host, a function makes the answer when it is
called."
  (pcase method
    ("item/commandExecution/requestApproval"
     (let ((choices (codexhost--decisions "this command in this session"))
           (words (plist-get params :proposedExecpolicyAmendment))
           (network (plist-get params :networkApprovalContext))
           (permissions (plist-get params :additionalPermissions)))
       (when (> (length words) 0)
         (setq choices
               `(,(nth 0 choices) ,(nth 1 choices)
                 (,(format "Yes, and always allow what starts with: %s"
                           (truncate-string-to-width (mapconcat #'identity words " ") 80 nil nil "..."))
                  :decision (:acceptWithExecpolicyAmendment (:execpolicy_amendment ,words)))
                 ,@(nthcdr 2 choices))))
       (list :text (concat (if network
                               (format "Connect to %s (%s)?" (plist-get network :host) (plist-get network :protocol))
                             (format "Run this in %s?" (plist-get params :cwd)))
                           (and (plist-get params :reason) (concat " " (plist-get params :reason)))
                           "\n"
                           (codexhost--indented (or (plist-get params :command) "") "    ")
                           (and permissions (concat "\nwith more permissions: " (codexhost--json permissions))))
             :choices `(,@(butlast choices 2)
                        ,@(mapcar (lambda (rule)
                                    `(,(format "Always %s %s" (plist-get rule :action) (plist-get rule :host))
                                      :decision (:applyNetworkPolicyAmendment (:network_policy_amendment ,rule))))
                                  (plist-get params :proposedNetworkPolicyAmendments))
                        ,@(last choices 2)))))
    ("item/fileChange/requestApproval"
     (let ((changes (plist-get item :changes)))
       (list :text (format "Change %s? %s"
                           (if (> (length changes) 0)
                               (mapconcat (lambda (change) (file-relative-name (plist-get change :path)))
                                          changes ", ")
                             "these files")
                           (concat (plist-get params :reason)
                                   (and (plist-get params :grantRoot)
                                        (format "\nYes allows writing below %s for the rest of the session."
                                                (plist-get params :grantRoot)))))
             :diff (and (> (length changes) 0) (codexhost--unified changes))
             :choices (codexhost--decisions "these files in this session"))))
    ("item/permissions/requestApproval"
     (list :text (format "Grant more permissions? %s\n    %s" (or (plist-get params :reason) "")
                         (codexhost--json (plist-get params :permissions)))
           :choices `(("Yes, for this turn" :permissions ,(plist-get params :permissions) :scope "turn")
                      ("Yes, for this session" :permissions ,(plist-get params :permissions) :scope "session")
                      ("No" :permissions ,(codexhost--empty) :scope "turn"))))
    ("mcpServer/elicitation/request"
     (codexhost--elicitation params))
    ("item/tool/requestUserInput"
     (let ((questions (plist-get params :questions)))
       (list :text (mapconcat (lambda (question) (plist-get question :question)) questions "\n")
             :choices `(("Answer" . ,(lambda () (codexhost--read-answers questions)))
                        ("Leave it out" :answers ,(codexhost--empty))))))))

(defun codexhost--accept (&optional content persist)
  "Return the acceptance of an elicitation with CONTENT, kept for PERSIST."
  `(:action "accept" :content ,(or content (codexhost--empty)) ,@(and persist `(:_meta (:persist ,persist)))))

(defun codexhost--elicitation (params)
  "Return the question of an MCP server, or about a tool of it, in PARAMS."
  (let ((meta (plist-get params :_meta))
        (fields (codexhost-form-fields (plist-get params :requestedSchema)))
        (refusals '(("No" :action "decline") ("Cancel" :action "cancel")))
        (url (plist-get params :url)))
    (cond
     ((equal (plist-get meta :codex_approval_kind) "mcp_tool_call")
      (let ((persist (append (plist-get meta :persist) nil)) (arguments (plist-get meta :tool_params)))
        (list :text (concat (plist-get params :message)
                            (and arguments (concat "\n" (codexhost--indented (codexhost--json arguments) "    "))))
              :choices `(("Yes" ,@(codexhost--accept))
                         ,@(and (member "session" persist)
                                `(("Yes, and do not ask again in this session" ,@(codexhost--accept nil "session"))))
                         ,@(and (member "always" persist)
                                `(("Yes, and never ask again for this tool" ,@(codexhost--accept nil "always"))))
                         ,@refusals))))
     (t
      (list :text (format "%s asks: %s%s" (plist-get params :serverName) (plist-get params :message)
                          (if url (concat "\n    " url) ""))
            :choices
            (cond (url `(("Yes, open it" . ,(lambda () (browse-url url) (codexhost--accept)))
                         ("Yes, I open it myself" ,@(codexhost--accept))
                         ,@refusals))
                  (fields `(("Answer" . ,(lambda () (codexhost--accept (codexhost-form-read fields))))
                            ,@refusals))
                  (t `(("Yes" ,@(codexhost--accept)) ,@refusals))))))))

(defun codexhost--read-answers (questions)
  "Read the answers to QUESTIONS in the minibuffer, and return what the host gets."
  (let ((answers (codexhost-form-read
                  (mapcar (lambda (question)
                            (let ((options (mapcar (lambda (option) (cons (plist-get option :label)
                                                                          (plist-get option :label)))
                                                   (plist-get question :options))))
                              (list :name (plist-get question :id)
                                    :label (plist-get question :question)
                                    :kind (cond (options 'one)
                                                ((eq (plist-get question :isSecret) t) 'secret)
                                                (t 'text))
                                    :options options
                                    :other (eq (plist-get question :isOther) t))))
                          questions))))
    (maphash (lambda (id answer) (puthash id (list :answers (vector answer)) answers)) answers)
    (list :answers answers)))

(provide 'codexhost-questions)
;;; codexhost-questions.el ends here
