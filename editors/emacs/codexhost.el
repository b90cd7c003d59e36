;;; codexhost.el --- Talk with a coding agent hosted by codexhost  -*- lexical-binding: t; -*-

;; Author: The codexhost maintainers
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: tools, convenience
;; URL: https://github.com/codexhost/codexhost

;;; Commentary:

;; `M-x codexhost' opens a chat with a coding agent about the current project.  The agent answers, runs commands
;; and changes files; what needs your consent is asked in the chat, as buttons.  The agent is run by the program
;; codexhost, or by codex itself, which speaks the same protocol.
;;
;; In the chat: RET says something, which steers the turn if one runs; c composes a longer text; a answers a
;; question; k interrupts; d shows a change as a diff; t lists threads, to go on with one, search, rename, fork and
;; archive; n starts a new one; f forks this one after the turn at point; r renames it; m, S, A and P choose the model,
;; the sandbox, when you are asked, and whether a plan is made first; i shows the host, skills and MCP servers; v unfolds
;; reasoning.
;; Elsewhere: `M-x codexhost-send-region' asks about the region, `M-x codexhost-resume' picks a thread.
;;
;; The connection is one of the built-in jsonrpc library with its Content-Length framing.  Two things are done
;; here and not there: members of a message that JSON-RPC does not have are left out, because the library refuses
;; them; and questions of the host are answered when the user answers, not when the dispatcher returns.

;;; Code:

(require 'cl-lib)
(require 'codexhost-questions)
(require 'codexhost-render)
(require 'diff-mode)
(require 'easymenu)
(require 'jsonrpc)
(require 'project)
(require 'subr-x)

(autoload 'codexhost-threads "codexhost-threads" nil t)
(autoload 'codexhost-show-status "codexhost-overview" nil t)

(defgroup codexhost nil
  "Talk with a coding agent."
  :group 'tools
  :prefix "codexhost-")

(defcustom codexhost-command '("codexhost" "app-server")
  "The program that hosts the agent, and its arguments."
  :type '(repeat string))

(defcustom codexhost-model nil
  "The model of new threads; nil leaves it to the host's config.toml."
  :type '(choice (const :tag "As configured" nil) string))

(defcustom codexhost-approval-policy nil
  "When the host asks before it acts; nil leaves it to its config.toml."
  :type '(choice (const :tag "As configured" nil)
                 (const "untrusted") (const "on-request") (const "never")))

(defcustom codexhost-sandbox nil
  "What commands of the agent may do; nil leaves it to the host's config.toml."
  :type '(choice (const :tag "As configured" nil)
                 (const "read-only") (const "workspace-write") (const "danger-full-access")))

(defcustom codexhost-show-diff t
  "Whether a change of files is shown as a diff when you are asked about it."
  :type 'boolean)

(defcustom codexhost-request-timeout 60
  "Seconds until a request without an answer is given up."
  :type 'natnum)

(defvar-local codexhost--connection nil "The connection to the host, live or not.")
(defvar-local codexhost--thread nil "The current thread, a plist.")
(defvar-local codexhost--loaded nil "Whether the host that runs knows the current thread.")
(defvar-local codexhost--starting nil "Functions that wait for the host, if it is starting.")
(defvar-local codexhost--turn nil "The id of the turn that runs.")
(defvar-local codexhost--usage nil "Use of tokens, as last told.")
(defvar-local codexhost--settings nil "What the current thread uses, as last told, a plist.")
(defvar-local codexhost--chosen nil "What was chosen for the next turns, a plist.")
(defvar-local codexhost--host nil "What the host said of itself, a plist.")
(defvar-local codexhost--servers nil "The status and the error of MCP servers by name, an alist.")
(defvar-local codexhost--turns nil "Ids of turns by those of their items, a hash table.")
(defvar-local codexhost--diff nil "What the last turn changed, a diff.")
(defvar-local codexhost--items nil "Items by id, a hash table.")
(defvar-local codexhost--blocks nil "Blocks of text by id, a hash table of pairs of markers.")
(defvar-local codexhost--questions nil "Open questions of the host, oldest first.")
(defvar-local codexhost--notices 0 "The number of notices so far.")

;;;; The connection

(defclass codexhost--link (jsonrpc-process-connection)
  ((chat :initarg :chat :documentation "The buffer of the chat.")
   (closing :initform nil :documentation "Whether we ended it.")
   (ended :initform nil :documentation "Whether its end was told."))
  "A connection to a host.")

(defun codexhost--parse (text)
  "Return the JSON message in TEXT as a plist."
  (if (fboundp 'json-parse-string)
      (json-parse-string text :object-type 'plist :null-object nil :false-object :json-false)
    (require 'json)
    (with-temp-buffer
      (insert text)
      (goto-char (point-min))
      (defvar json-object-type)
      (declare-function json-read "json" ())
      (let ((json-object-type 'plist))
        (json-read)))))

(defun codexhost--filter (process text)
  "Take TEXT from PROCESS and receive each message that is whole."
  (when (buffer-live-p (process-buffer process))
    (with-current-buffer (process-buffer process)
      (let ((inhibit-read-only t))
        (goto-char (point-max))
        (insert text)))
    (let (message)
      (while (setq message (codexhost--next-message process))
        (with-demoted-errors "codexhost: %S"
          (codexhost--receive (process-get process 'jsonrpc-connection) (codexhost--parse message)))))))

(defun codexhost--next-message (process)
  "Remove the first whole message from the buffer of PROCESS, return its text."
  (with-current-buffer (process-buffer process)
    (goto-char (point-min))
    (let ((inhibit-read-only t) (case-fold-search t) length start)
      (when (re-search-forward "\r\n\r\n" nil t)
        (setq start (point))
        (goto-char (point-min))
        (when (re-search-forward "^Content-Length: *\\([0-9]+\\)" start t)
          (setq length (string-to-number (match-string 1)))
          (when (<= (+ start length) (point-max))
            (prog1 (decode-coding-string (buffer-substring start (+ start length)) 'utf-8)
              (delete-region (point-min) (+ start length)))))))))

(defun codexhost--receive (connection message)
  "Receive MESSAGE from CONNECTION: an answer, a notification or a request."
  (let ((method (plist-get message :method)) (id (plist-get message :id)))
    (if (and method id)
        (with-current-buffer (oref connection chat)
          (codexhost--asked id method (plist-get message :params)))
      (jsonrpc-connection-receive
       connection
       (cl-loop for member in '(:id :method :params :result :error)
                when (plist-member message member)
                append (list member (plist-get message member)))))))

(defun codexhost--connect ()
  "Start a host for this chat."
  (let* ((chat (current-buffer))
         (name (format "codexhost %s" (buffer-name)))
         (connection
          (apply
           #'make-instance 'codexhost--link
           :name name
           :chat chat
           :notification-dispatcher
           (lambda (connection method params)
             (when (buffer-live-p chat)
               (with-current-buffer chat
                 (when (eq connection codexhost--connection)
                   (codexhost--notified (symbol-name method) params)))))
           :on-shutdown
           (lambda (connection)
             (when (buffer-live-p chat)
               (with-current-buffer chat
                 (codexhost--ended connection))))
           :process
           (lambda ()
             (make-process :name name
                           :command codexhost-command
                           :connection-type 'pipe
                           :coding '(binary . utf-8-emacs-unix)
                           :noquery t
                           :stderr (get-buffer-create (format "*%s stderr*" name))))
           ;; No log of all messages; the library has renamed this in version 1.0.24.
           (if (fboundp 'jsonrpc-convert-from-endpoint)
               '(:events-buffer-config (:size 0 :format full))
             '(:events-buffer-scrollback-size 0)))))
    (setq codexhost--connection connection
          codexhost--loaded nil)
    (let ((process (jsonrpc--process connection)))
      (with-current-buffer (process-buffer process)
        (let ((inhibit-read-only t))
          (set-buffer-multibyte nil)))
      (set-process-filter process #'codexhost--filter))
    (let ((stderr (get-buffer-process (jsonrpc-stderr-buffer connection))))
      (when stderr
        (set-process-query-on-exit-flag stderr nil)
        (set-process-sentinel stderr #'ignore)))))

(defun codexhost--live-p ()
  "Return non-nil if the host of this chat is alive."
  (and codexhost--connection (jsonrpc-running-p codexhost--connection)))

(defun codexhost--call (method params &optional done failed)
  "Send the request METHOD with PARAMS.
Call DONE with the result, or FAILED with the error; without
FAILED the error is shown."
  (let ((chat (current-buffer)))
    (cl-flet ((back (function)
                (lambda (&optional value)
                  (when (and function (buffer-live-p chat))
                    (with-current-buffer chat
                      (funcall function value))))))
      (let ((fail (back (or failed #'codexhost--show-error))))
        (condition-case err
            (jsonrpc-async-request
             codexhost--connection method params
             :success-fn (back done)
             :error-fn fail
             :timeout codexhost-request-timeout
             :timeout-fn (lambda ()
                           (funcall fail (list :message
                                               (format "No answer to %s within %d s"
                                                       method codexhost-request-timeout)))))
          (error
           (if (codexhost--live-p)
               (signal (car err) (cdr err))
             (codexhost--ended codexhost--connection)))))))) ; it died just now

(defun codexhost--kind (err)
  "Return the kind of the error ERR, a string or nil.
The host says so in its data, codex by the text alone."
  (let ((text (or (plist-get err :message) "")))
    (cond ((plist-get (plist-get err :data) :kind))
          ((string-prefix-p "no active turn" text) "noActiveTurn")
          ((string-prefix-p "no rollout found" text) "threadNotFound"))))

(defun codexhost--show-error (err)
  "Show the error ERR of the host: what happened, and what to do about it."
  (let ((remedy (plist-get (plist-get err :data) :remedy)))
    (unless (equal (plist-get err :code) -1) ; the host ended, which is told by itself
      (codexhost--notice (concat (plist-get err :message)
                                 (and remedy (format " (%s)" remedy)))))))

(defun codexhost--last-words (connection)
  "Return the last line that the host of CONNECTION wrote to standard error."
  (let ((buffer (jsonrpc-stderr-buffer connection)))
    (if (buffer-live-p buffer)
        (with-current-buffer buffer
          (car (last (seq-remove (lambda (line) (string-match-p "\\`\\s-*\\'\\|^Process .* finished" line))
                                 (split-string (buffer-string) "\n")))))
      nil)))

(defun codexhost--ended (connection)
  "Take note of the end of the host behind CONNECTION."
  (when (and (eq connection codexhost--connection) (not (oref connection ended)))
    (oset connection ended t)
    (let ((turn codexhost--turn)
          (words (codexhost--last-words connection))
          (status (process-exit-status (jsonrpc--process connection))))
      (setq codexhost--turn nil
            codexhost--loaded nil)
      (dolist (question (copy-sequence codexhost--questions))
        (codexhost--take-back (plist-get question :id)))
      (unless (oref connection closing)
        (codexhost--notice
         (format "The host ended with status %d%s%s.  The next message starts it again."
                 status (if turn ", the turn is lost" "") (if words (concat ": " words) ""))))
      (when codexhost--starting
        (codexhost--started nil))
      (force-mode-line-update))))

;;;; The thread

(defun codexhost--started (success)
  "Call the functions that wait for the host if SUCCESS, else drop them."
  (let ((waiting (reverse codexhost--starting)))
    (setq codexhost--starting nil)
    (force-mode-line-update)
    (when success
      (mapc #'funcall waiting))))

(defun codexhost--ensure (with-thread then)
  "Start the host if need be, WITH-THREAD a thread as well, and call THEN."
  (cond
   (codexhost--starting
    (push (lambda () (codexhost--ensure with-thread then)) codexhost--starting))
   ((and (codexhost--live-p) (or codexhost--loaded (not with-thread)))
    (funcall then))
   (t
    (let ((fail (lambda (err)
                  (codexhost--show-error err)
                  (codexhost--started nil)))
          (fresh (not (codexhost--live-p))))
      (when fresh
        (condition-case err
            (codexhost--connect)
          (file-error
           (user-error "%s cannot be started: %s" (car codexhost-command) (error-message-string err)))))
      (setq codexhost--starting (list then))
      (force-mode-line-update)
      (cl-flet ((thread (&optional _)
                  (if with-thread
                      (codexhost--enter-thread fail)
                    (codexhost--started t))))
        (if (not fresh)
            (thread)
          (codexhost--call :initialize
                           '(:clientInfo (:name "codexhost.el" :title "Emacs" :version "0.1.0")
                                         :capabilities (:experimentalApi t)) ; for modes of turns
                           (lambda (result)
                             (setq codexhost--host result
                                   codexhost--servers nil)
                             (jsonrpc-notify codexhost--connection :initialized (codexhost--empty))
                             (thread))
                           fail)))))))

(defun codexhost--enter-thread (fail)
  "Resume the current thread or start one; call FAIL if that fails."
  (let ((start (lambda ()
                 (codexhost--call
                  :thread/start
                  `(:cwd ,(codexhost--folder)
                         ,@(let ((model (codexhost--wanted :model))) (and model (list :model model)))
                         ,@(codexhost--rights))
                  (lambda (result)
                    (codexhost--set-thread result)
                    (codexhost--started t))
                  fail))))
    (if (not codexhost--thread)
        (funcall start)
      (codexhost--call
       :thread/resume `(:threadId ,(plist-get codexhost--thread :id) ,@(codexhost--rights))
       (lambda (result)
         (codexhost--set-thread result)
         (codexhost--started t))
       (lambda (err)
         ;; A thread that was not used yet has no file: there is nothing to resume.
         (if (equal (codexhost--kind err) "threadNotFound")
             (funcall start)
           (funcall fail err)))))))

(defun codexhost--wanted (name)
  "Return what threads begin with for NAME: what was chosen, else the option."
  (or (plist-get codexhost--chosen name)
      (pcase name
        (:model codexhost-model)
        (:approvalPolicy codexhost-approval-policy)
        (:sandbox codexhost-sandbox))))

(defun codexhost--rights ()
  "Return what a thread may do, as params; a thread that is resumed forgot it."
  (cl-loop for name in '(:approvalPolicy :sandbox)
           for value = (codexhost--wanted name)
           when value append (list name value)))

(defun codexhost--set-thread (answer)
  "Make the thread of ANSWER the current one and show what is in it."
  (let ((thread (plist-get answer :thread)))
    (setq codexhost--thread thread
          codexhost--settings (list :model (plist-get answer :model)
                                    :sandbox (codexhost--sandbox-name (plist-get answer :sandbox))
                                    :approvalPolicy (plist-get answer :approvalPolicy)
                                    :mode (plist-get (plist-get answer :collaborationMode) :mode)))
    (codexhost--show-thread thread)))

(defun codexhost--show-thread (thread)
  "Show what is in THREAD, the current one."
  (setq codexhost--loaded t
        codexhost--turn nil
        codexhost--usage nil
        codexhost--diff nil)
  (clrhash codexhost--items)
  (clrhash codexhost--blocks)
  (clrhash codexhost--turns)
  (let ((inhibit-read-only t))
    (erase-buffer))
  (seq-doseq (turn (plist-get thread :turns))
    (seq-doseq (item (plist-get turn :items))
      (puthash (plist-get item :id) (plist-get turn :id) codexhost--turns)
      (codexhost--show-item item))
    (pcase (plist-get turn :status)
      ("inProgress" (setq codexhost--turn (plist-get turn :id)))
      ("interrupted" (codexhost--notice "Interrupted."))
      ("failed" (codexhost--notice (or (plist-get (plist-get turn :error) :message) "Failed.")))))
  (dolist (question codexhost--questions) ; they are asked once for each connection
    (codexhost--show-question question))
  (force-mode-line-update))

(defun codexhost--leave-thread ()
  "Leave the current thread; what it still does is not shown any more."
  (when (and codexhost--loaded (codexhost--live-p))
    (codexhost--call :thread/unsubscribe (list :threadId (plist-get codexhost--thread :id))))
  (setq codexhost--thread nil
        codexhost--turn nil
        codexhost--loaded nil))

(defun codexhost--input (text)
  "Return TEXT as the input of a turn."
  (vector (list :type "text" :text text :text_elements [])))

(defconst codexhost--sandboxes
  '(("read-only" . "readOnly") ("workspace-write" . "workspaceWrite") ("danger-full-access" . "dangerFullAccess"))
  "Names of sandboxes, and the types of their policies.")

(defun codexhost--sandbox-name (policy)
  "Return the name by which the sandbox POLICY is chosen."
  (let ((type (plist-get policy :type)))
    (or (car (rassoc type codexhost--sandboxes)) type)))

(defun codexhost--start-turn (text)
  "Start a turn with TEXT, and with what was chosen."
  (let ((model (plist-get codexhost--chosen :model))
        (sandbox (plist-get codexhost--chosen :sandbox))
        (policy (plist-get codexhost--chosen :approvalPolicy))
        (mode (plist-get codexhost--chosen :mode)))
    (codexhost--call
     :turn/start
     `(:threadId ,(plist-get codexhost--thread :id)
                 :input ,(codexhost--input text)
                 ,@(and model (list :model model))
                 ,@(and policy (list :approvalPolicy policy))
                 ,@(and sandbox `(:sandboxPolicy (:type ,(cdr (assoc sandbox codexhost--sandboxes)))))
                 ,@(and mode `(:collaborationMode
                               (:mode ,mode
                                      :settings (:model ,(or model (plist-get codexhost--settings :model))))))))))

(defun codexhost--say (text)
  "Say TEXT to the running turn, or else in a new one."
  (codexhost--ensure
   t
   (lambda ()
     (if (not codexhost--turn)
         (codexhost--start-turn text)
       (codexhost--call :turn/steer (list :threadId (plist-get codexhost--thread :id)
                                          :expectedTurnId codexhost--turn
                                          :input (codexhost--input text))
                        nil
                        (lambda (err)
                          (if (equal (codexhost--kind err) "noActiveTurn")
                              (codexhost--start-turn text) ; it ended in between
                            (codexhost--show-error err))))))))

;;;; What the host tells

(defun codexhost--notified (method params)
  "Take note of the notification METHOD with PARAMS."
  (when (equal method "serverRequest/resolved")
    (codexhost--take-back (plist-get params :requestId)))
  (let ((thread (plist-get params :threadId)))
    (when (or (null thread) (equal thread (plist-get codexhost--thread :id)))
      (codexhost--told method params)
      (force-mode-line-update))))

(defun codexhost--told (method params)
  "Show the notification METHOD with PARAMS of the current thread."
  (let ((item (plist-get params :item)) (id (plist-get params :itemId)))
    (when item
      (puthash (plist-get item :id) (plist-get params :turnId) codexhost--turns))
    (pcase method
      ("turn/started"
       (setq codexhost--turn (plist-get (plist-get params :turn) :id)))
      ("turn/completed"
       (setq codexhost--turn nil)
       (when (equal (plist-get (plist-get params :turn) :status) "interrupted")
         (codexhost--notice "Interrupted.")))
      ("item/started"
       (puthash (plist-get item :id) item codexhost--items)
       ;; These two begin with their first delta.
       (unless (member (plist-get item :type) '("agentMessage" "reasoning"))
         (codexhost--show-item item)))
      ("item/completed"
       (codexhost--show-item item)
       (when (equal (plist-get item :type) "fileChange")
         (codexhost--revert-buffers item)))
      ((or "item/agentMessage/delta" "item/plan/delta")
       (codexhost--grow id (plist-get params :delta)))
      ((or "item/reasoning/summaryTextDelta" "item/reasoning/textDelta")
       (codexhost--grow id (plist-get params :delta) t))
      ("item/reasoning/summaryPartAdded"
       (when (gethash id codexhost--blocks)
         (codexhost--grow id "\n" t)))
      ("item/commandExecution/outputDelta"
       (codexhost--show-output id (plist-get params :delta)))
      ("turn/plan/updated"
       (codexhost--set-block (concat "plan " (plist-get params :turnId)) (codexhost--plan params)))
      ("turn/diff/updated"
       (setq codexhost--diff (plist-get params :diff)))
      ("thread/settings/updated"
       (let ((now (plist-get params :threadSettings)))
         (setq codexhost--settings (list :model (plist-get now :model)
                                         :sandbox (codexhost--sandbox-name (plist-get now :sandboxPolicy))
                                         :approvalPolicy (plist-get now :approvalPolicy)
                                         :mode (plist-get (plist-get now :collaborationMode) :mode)))))
      ("thread/name/updated"
       (setq codexhost--thread (plist-put codexhost--thread :name (plist-get params :threadName))))
      ("mcpServer/startupStatus/updated"
       (let ((name (plist-get params :name)))
         (setf (alist-get name codexhost--servers nil nil #'equal)
               (list (plist-get params :status) (or (plist-get params :error) "it does not say why")))
         (when (equal (plist-get params :status) "failed")
           (codexhost--notice (format "The MCP server %s did not start: %s"
                                      name (nth 1 (codexhost--server name)))))))
      ("thread/tokenUsage/updated"
       (setq codexhost--usage (plist-get params :tokenUsage)))
      ("error"
       (codexhost--notice (concat (plist-get (plist-get params :error) :message)
                                  (and (eq (plist-get params :willRetry) t) " (trying again)"))))
      ("warning"
       (codexhost--notice (or (plist-get params :message) "")))
      ("configWarning"
       (codexhost--notice (concat (plist-get params :summary)
                                  (and (plist-get params :details)
                                       (concat ": " (plist-get params :details)))))))))

(defun codexhost--server (name)
  "Return the status of the MCP server NAME and its error, in a list."
  (alist-get name codexhost--servers nil nil #'equal))

(defun codexhost--revert-buffers (item)
  "Revert the buffers of files that ITEM changed, unless they are modified."
  (when (equal (plist-get item :status) "completed")
    (seq-doseq (change (plist-get item :changes))
      (let ((buffer (find-buffer-visiting (plist-get change :path))))
        (when (and buffer (not (buffer-modified-p buffer)) (file-exists-p (plist-get change :path)))
          (with-current-buffer buffer
            (revert-buffer t t t)))))))

(defun codexhost--show-output (id delta)
  "Add DELTA to the output of the command with ID."
  (let ((item (gethash id codexhost--items)))
    (when item
      (let ((output (concat (plist-get item :aggregatedOutput) delta)))
        (setq item (plist-put item :aggregatedOutput
                              (substring output (max 0 (- (length output) 65536)))))
        (puthash id item codexhost--items)
        (codexhost--show-item item)))))

;;;; Text of the chat

(defun codexhost--at-end (function)
  "Call FUNCTION; windows whose point was at the end go on showing the end."
  (let ((following (seq-filter (lambda (window) (= (window-point window) (point-max)))
                               (get-buffer-window-list nil nil t)))
        (end (= (point) (point-max)))
        (inhibit-read-only t))
    (save-excursion
      (funcall function))
    (when end
      (goto-char (point-max)))
    (dolist (window following)
      (set-window-point window (point-max)))))

(defun codexhost--set-block (id text)
  "Make TEXT the block ID, which is added at the end if it is new."
  (codexhost--at-end
   (lambda ()
     (let ((block (gethash id codexhost--blocks)))
       (if block
           (delete-region (car block) (cdr block))
         (goto-char (point-max))
         (setq block (cons (copy-marker (point)) (copy-marker (point))))
         (insert "\n\n") ; it parts the block from the next, and their markers
         (set-marker (car block) (- (point) 2))
         (set-marker (cdr block) (- (point) 2))
         (puthash id block codexhost--blocks))
       (goto-char (car block))
       (insert (propertize text 'codexhost-block id))
       (set-marker (cdr block) (point))))))

(defun codexhost--grow (id delta &optional reasoning)
  "Let the block ID grow by DELTA, as REASONING if that is non-nil."
  (let* ((block (gethash id codexhost--blocks))
         (text (if (not reasoning)
                   delta
                 (codexhost--reasoning delta (and block (string-search "\n" (buffer-substring-no-properties
                                                                             (car block) (cdr block))))))))
    (if (not block)
        (codexhost--set-block id text)
      (codexhost--at-end
       (lambda ()
         (goto-char (cdr block))
         (insert (propertize text 'codexhost-block id))
         (set-marker (cdr block) (point)))))))

(defun codexhost--block-here ()
  "Return the id of the block at point, or at whose end point is."
  (or (get-text-property (point) 'codexhost-block)
      (get-text-property (max (1- (point)) (point-min)) 'codexhost-block)))

(defun codexhost--notice (text)
  "Add TEXT as a notice."
  (codexhost--set-block (format "notice %d" (cl-incf codexhost--notices))
                        (propertize (concat "! " text) 'face 'codexhost-notice)))

(defun codexhost--show-item (item)
  "Show ITEM, if there is something to show."
  (puthash (plist-get item :id) item codexhost--items)
  (let ((text (codexhost--item-text item)))
    (unless (string-empty-p text)
      (codexhost--set-block (plist-get item :id) text))))

;;;; Diffs

(defun codexhost--show-diff (text)
  "Show TEXT, a diff, in a window of its own."
  (let ((directory default-directory))
    (with-current-buffer (get-buffer-create "*codexhost diff*")
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert text))
      (setq default-directory directory)
      (diff-mode)
      (setq buffer-read-only t)
      (goto-char (point-min))
      (display-buffer (current-buffer)))))

;;;; Questions of the host

(defun codexhost--asked (id method params)
  "Put the request METHOD with ID and PARAMS to the user."
  (let ((question (codexhost--question method params
                                        (gethash (plist-get params :itemId) codexhost--items))))
    (if (not question)
        (jsonrpc-connection-send codexhost--connection :id id
                                 :error (list :code -32601
                                              :message (format "%s is not supported by this client" method)))
      (setq question `(:id ,id :connection ,codexhost--connection ,@question))
      (setq codexhost--questions (append codexhost--questions (list question)))
      (codexhost--show-question question)
      (when (and codexhost-show-diff (plist-get question :diff))
        (codexhost--show-diff (plist-get question :diff)))
      (force-mode-line-update)
      (message "codexhost asks something in %s; %s" (buffer-name)
               (substitute-command-keys "\\[codexhost-answer] answers")))))

(defun codexhost--show-question (question)
  "Show QUESTION with buttons."
  (let ((id (plist-get question :id)))
    (codexhost--set-block
     (format "question %s" id)
     (concat (propertize (concat "? " (string-trim-right (plist-get question :text))) 'face 'codexhost-notice)
             (mapconcat (lambda (choice)
                          (concat "\n  "
                                  (make-text-button (copy-sequence (format "[%s]" (car choice))) nil
                                                    'action (lambda (_) (codexhost--answer id choice))
                                                    'follow-link t
                                                    'help-echo "Give this answer")))
                        (plist-get question :choices) "")))))

(defun codexhost--find-question (id)
  "Return the open question with ID."
  (seq-find (lambda (question) (equal (plist-get question :id) id)) codexhost--questions))

(defun codexhost--answer (id choice)
  "Answer the question with ID by CHOICE."
  (let ((question (codexhost--find-question id)))
    (if (not question)
        (message "This question is no longer open")
      (let ((answer (if (functionp (cdr choice)) (funcall (cdr choice)) (cdr choice))))
        (when (codexhost--find-question id) ; it may have been taken back while the answer was read
          (codexhost--settle question (car choice))
          (jsonrpc-connection-send (plist-get question :connection) :id id :result answer))))))

(defun codexhost--settle (question label)
  "Close QUESTION, which was answered by LABEL."
  (setq codexhost--questions (delq question codexhost--questions))
  (codexhost--set-block (format "question %s" (plist-get question :id))
                        (concat (propertize (concat "? " (car (split-string (plist-get question :text) "\n")))
                                            'face 'codexhost-notice)
                                "\n  " label))
  (remhash (format "question %s" (plist-get question :id)) codexhost--blocks)
  (force-mode-line-update))

(defun codexhost--take-back (id)
  "Close the question with ID, which is settled without us."
  (let ((question (codexhost--find-question id)))
    (when question
      (codexhost--settle question "(no longer open)"))))

;;;; Commands

(defvar codexhost-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap button-buffer-map special-mode-map))
    (define-key map (kbd "RET") #'codexhost-say)
    (define-key map "c" #'codexhost-compose)
    (define-key map "a" #'codexhost-answer)
    (define-key map "k" #'codexhost-interrupt)
    (define-key map "\C-c\C-c" #'codexhost-interrupt)
    (define-key map "s" #'codexhost-steer)
    (define-key map "d" #'codexhost-diff)
    (define-key map "t" #'codexhost-threads)
    (define-key map "n" #'codexhost-new)
    (define-key map "f" #'codexhost-fork)
    (define-key map "r" #'codexhost-rename)
    (define-key map "m" #'codexhost-choose-model)
    (define-key map "S" #'codexhost-choose-sandbox)
    (define-key map "A" #'codexhost-choose-approvals)
    (define-key map "P" #'codexhost-choose-mode)
    (define-key map "i" #'codexhost-show-status)
    (define-key map "v" #'codexhost-toggle-reasoning)
    map)
  "Keys of the chat.")

(easy-menu-define codexhost-menu codexhost-mode-map
  "Menu of the chat."
  '("Codexhost"
    ["Say Something" codexhost-say]
    ["Compose" codexhost-compose]
    ["Answer a Question" codexhost-answer :active codexhost--questions]
    ["Interrupt" codexhost-interrupt :active codexhost--turn]
    ["Show Changes" codexhost-diff]
    ["Unfold Reasoning" codexhost-toggle-reasoning]
    "--"
    ["New Thread" codexhost-new]
    ["Threads" codexhost-threads]
    ["Fork Here" codexhost-fork]
    ["Rename" codexhost-rename]
    "--"
    ["Model" codexhost-choose-model]
    ["Sandbox" codexhost-choose-sandbox]
    ["Approvals" codexhost-choose-approvals]
    ["Mode" codexhost-choose-mode]
    "--"
    ["Status" codexhost-show-status]
    ["Stop the Host" codexhost-stop]))

(define-derived-mode codexhost-mode special-mode "Codexhost"
  "A chat with a coding agent.
\\{codexhost-mode-map}"
  (setq codexhost--items (make-hash-table :test #'equal)
        codexhost--blocks (make-hash-table :test #'equal)
        codexhost--turns (make-hash-table :test #'equal)
        mode-line-process '(" " (:eval (codexhost-status)) (:eval (codexhost--uses))))
  (visual-line-mode)
  (add-to-invisibility-spec '(codexhost-reasoning . t))
  (add-hook 'kill-buffer-hook #'codexhost-stop nil t))

(defun codexhost-status ()
  "Return the state of the current chat, and how much room the context has."
  (let* ((limit (plist-get codexhost--usage :modelContextWindow))
         (used (plist-get (plist-get codexhost--usage :last) :totalTokens)))
    (concat (cond (codexhost--starting "starting")
                  ((not (codexhost--live-p)) "off")
                  (codexhost--questions "waiting")
                  (codexhost--turn "running")
                  (t "idle"))
            (and limit used (format ", %dk tokens left" (/ (max 0 (- limit used)) 1000))))))

(defun codexhost--uses ()
  "Return what the next turn will use, as text that may follow the state."
  (concat (and codexhost--thread
               (mapconcat (lambda (name)
                            (let ((value (codexhost--in-use name)))
                              (if (stringp value) (concat ", " value) "")))
                          '(:model :sandbox) ""))
          (and (equal (codexhost--in-use :mode) "plan") ", plan mode")))

(defun codexhost--in-use (name)
  "Return what the next turn will use for NAME."
  (or (plist-get codexhost--chosen name) (plist-get codexhost--settings name)))

(defun codexhost--chat ()
  "Return the chat of the current directory's project, made if need be."
  (if (derived-mode-p 'codexhost-mode)
      (current-buffer)
    (let* ((project (project-current))
           (root (cond ((null project) default-directory)
                       ((fboundp 'project-root) (project-root project))
                       (t default-directory)))
           (name (format "*codexhost: %s*" (abbreviate-file-name (directory-file-name root)))))
      (or (get-buffer name)
          (with-current-buffer (get-buffer-create name)
            (setq default-directory (file-name-as-directory (expand-file-name root)))
            (codexhost-mode)
            (current-buffer))))))

;;;###autoload
(defun codexhost ()
  "Open a chat with a coding agent about the current project."
  (interactive)
  (pop-to-buffer (codexhost--chat))
  (codexhost--ensure t #'ignore))

;;;###autoload
(defun codexhost-say (text)
  "Say TEXT in the chat of the current project.
A turn that runs is steered by it."
  (interactive "sSay: ")
  (when (string-empty-p (string-trim text))
    (user-error "There is nothing to say"))
  (with-current-buffer (codexhost--chat)
    (goto-char (point-max))
    (codexhost--say text)))

;;;###autoload
(defun codexhost-send-region (beg end question)
  "Ask QUESTION about the text from BEG to END."
  (interactive "r\nsAsk: ")
  (let ((place (format "%s, lines %d to %d:\n```\n%s\n```"
                       (if buffer-file-name (file-relative-name buffer-file-name) (buffer-name))
                       (line-number-at-pos beg) (line-number-at-pos (max beg (1- end)))
                       (string-trim-right (buffer-substring-no-properties beg end) "\n")))
        (chat (codexhost--chat)))
    (display-buffer chat)
    (with-current-buffer chat
      (codexhost--say (if (string-empty-p question) place (concat question "\n\n" place))))))

(defun codexhost-steer (text)
  "Say TEXT to the running turn."
  (interactive "sSteer: ")
  (with-current-buffer (codexhost--chat)
    (unless codexhost--turn
      (user-error "No turn runs"))
    (codexhost--say text)))

(defun codexhost-interrupt ()
  "Interrupt the running turn."
  (interactive)
  (with-current-buffer (codexhost--chat)
    (unless (and codexhost--turn (codexhost--live-p))
      (user-error "No turn runs"))
    (codexhost--call :turn/interrupt (list :threadId (plist-get codexhost--thread :id) :turnId codexhost--turn)
                     nil
                     (lambda (err)
                       (unless (equal (codexhost--kind err) "noActiveTurn")
                         (codexhost--show-error err))))))

(defun codexhost-answer ()
  "Answer the first open question in the minibuffer."
  (interactive)
  (with-current-buffer (codexhost--chat)
    (let* ((question (or (car codexhost--questions) (user-error "No question is open")))
           (choices (plist-get question :choices))
           (label (if (cdr choices)
                      (completing-read (concat (string-trim-right (plist-get question :text)) "\n") choices nil t)
                    (caar choices))))
      (unless (string-empty-p label)
        (codexhost--answer (plist-get question :id) (assoc label choices))))))

(defun codexhost-diff ()
  "Show the change of files at point, or else what the last turn changed."
  (interactive)
  (with-current-buffer (codexhost--chat)
    (let* ((id (codexhost--block-here))
           (changes (plist-get (and id (gethash id codexhost--items)) :changes)))
      (cond ((> (length changes) 0) (codexhost--show-diff (codexhost--unified changes)))
            ((> (length codexhost--diff) 0) (codexhost--show-diff codexhost--diff))
            (t (user-error "No file was changed"))))))

(defun codexhost-toggle-reasoning ()
  "Show all of the reasoning, or only its first lines."
  (interactive)
  (let ((fold '(codexhost-reasoning . t)))
    (if (member fold buffer-invisibility-spec)
        (remove-from-invisibility-spec fold)
      (add-to-invisibility-spec fold))
    (force-window-update (current-buffer))))

(defun codexhost-new ()
  "Start a new thread."
  (interactive)
  (with-current-buffer (codexhost--chat)
    (codexhost--leave-thread)
    (codexhost--ensure t #'ignore)))

;;;; Choices

(defun codexhost--choose (name prompt values)
  "Choose one of VALUES, pairs with an explanation, for NAME with PROMPT."
  (with-current-buffer (codexhost--chat)
    (let* ((chat (current-buffer))
           (completion-extra-properties
            (list :annotation-function (lambda (value) (concat "  " (cdr (assoc value values))))))
           (now (codexhost--in-use name))
           (value (completing-read (format-prompt prompt now) values nil (not (eq name :model)) nil nil now)))
      (with-current-buffer chat ; the minibuffer may have changed it
        (setq codexhost--chosen (plist-put codexhost--chosen name value))
        (force-mode-line-update)))))

(defun codexhost-choose-sandbox ()
  "Choose what commands may do from now on."
  (interactive)
  (codexhost--choose :sandbox "Commands may"
                     '(("read-only" . "write nothing, and have no network")
                       ("workspace-write" . "write in this folder and temporary ones, and have no network")
                       ("danger-full-access" . "do whatever you can do"))))

(defun codexhost-choose-approvals ()
  "Choose when you are asked."
  (interactive)
  (codexhost--choose :approvalPolicy "Ask me"
                     '(("untrusted" . "before every command and change")
                       ("on-request" . "before what leaves the sandbox")
                       ("never" . "never; what the sandbox does not allow fails"))))

(defun codexhost-choose-mode ()
  "Choose whether to plan first, with questions to you, or to work."
  (interactive)
  (codexhost--choose :mode "Mode" '(("default" . "work") ("plan" . "work out a plan first, with questions to you"))))

(defun codexhost-choose-model ()
  "Choose the model to use from now on."
  (interactive)
  (with-current-buffer (codexhost--chat)
    (codexhost--ask-host
     :model/list (codexhost--empty)
     (lambda (result)
       (codexhost--choose :model "Model"
                          (seq-map (lambda (model)
                                     (cons (plist-get model :model) (or (plist-get model :description) "")))
                                   (plist-get result :data)))))))

(defun codexhost--ask-host (method params done)
  "Send METHOD with PARAMS to the host, which is started if need be.
DONE gets the result, in the chat, when the user can be asked."
  (let ((chat (current-buffer)))
    (codexhost--ensure
     nil
     (lambda ()
       (codexhost--call method params
                        (lambda (result)
                          ;; Not inside of the filter, where the user could not be asked.
                          (run-at-time 0 nil (lambda ()
                                               (when (buffer-live-p chat)
                                                 (with-current-buffer chat
                                                   (funcall done result)))))))))))

;;;; Threads

(defun codexhost-rename (name)
  "Give the current thread the NAME."
  (interactive (list (read-string "Name: " (with-current-buffer (codexhost--chat)
                                             (plist-get codexhost--thread :name)))))
  (with-current-buffer (codexhost--chat)
    (unless codexhost--thread
      (user-error "There is no thread to name"))
    (codexhost--ask-host :thread/name/set (list :threadId (plist-get codexhost--thread :id) :name name) #'ignore)))

(defun codexhost-fork ()
  "Go on in a copy of the thread: up to the turn at point, or all of it."
  (interactive)
  (let ((here (and (derived-mode-p 'codexhost-mode) (codexhost--block-here))))
    (with-current-buffer (codexhost--chat)
      (unless codexhost--thread
        (user-error "There is no thread to fork"))
      (codexhost--fork (plist-get codexhost--thread :id) (and here (gethash here codexhost--turns))))))

(defun codexhost--fork (id turn)
  "Go on in a copy of the thread ID, up to and with TURN; nil is all of it."
  (codexhost--ask-host
   :thread/fork `(:threadId ,id ,@(and turn (list :lastTurnId turn)) ,@(codexhost--rights))
   (lambda (result)
     (codexhost--leave-thread)
     (codexhost--set-thread result))))

(defun codexhost--go-on (thread)
  "Leave the current thread and go on with THREAD."
  (codexhost--leave-thread)
  (setq codexhost--thread thread)
  (codexhost--ensure t #'ignore))

(defun codexhost--thread-title (thread)
  "Return the name of THREAD, or how it begins."
  (let ((title (replace-regexp-in-string
                "[ \t\n]+" " " (or (plist-get thread :name) (plist-get thread :preview) ""))))
    (if (string-empty-p title) "(empty)" title)))

(defun codexhost--thread-label (thread)
  "Return a line for THREAD."
  (format "%s  %s  %s"
          (format-time-string "%F %R" (plist-get thread :updatedAt))
          (truncate-string-to-width (codexhost--thread-title thread) 70)
          (propertize (substring (plist-get thread :id) -6) 'face 'shadow)))

(defun codexhost--folder ()
  "Return the folder of this chat as the host names it."
  (directory-file-name (expand-file-name default-directory)))

;;;###autoload
(defun codexhost-resume (&optional all)
  "Pick a thread of this folder to go on with, ALL of every folder."
  (interactive "P")
  (with-current-buffer (codexhost--chat)
    (codexhost--ask-host :thread/list `(:limit 50 :sortKey "updated_at" ,@(unless all (list :cwd (codexhost--folder))))
                         (lambda (result)
                           (codexhost--pick-thread (plist-get result :data))))))

(defun codexhost--pick-thread (threads)
  "Let the user pick one of THREADS to go on with in this chat."
  (let ((chat (current-buffer)))
    (if (seq-empty-p threads)
        (message "There are no threads yet")
      (let* ((choices (mapcar (lambda (thread) (cons (codexhost--thread-label thread) thread)) threads))
             (table (lambda (string predicate action)
                      (if (eq action 'metadata)
                          '(metadata (display-sort-function . identity)) ; newest first, as they came
                        (complete-with-action action choices string predicate))))
             (picked (assoc (completing-read "Go on with: " table nil t) choices)))
        (when picked
          (with-current-buffer chat
            (codexhost--go-on (cdr picked))))))))

(defun codexhost-stop ()
  "End the host of this chat; the next message will start it again."
  (interactive)
  (when (codexhost--live-p)
    (oset codexhost--connection closing t)
    (when codexhost--turn ; the host finishes what runs
      (codexhost-interrupt))
    (process-send-eof (jsonrpc--process codexhost--connection))))

;;;; Composing longer texts

(defvar-local codexhost--compose-for nil "The chat that the composed text is for.")

(defvar codexhost-compose-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map "\C-c\C-c" #'codexhost-compose-send)
    (define-key map "\C-c\C-k" #'codexhost-compose-cancel)
    map)
  "Keys of `codexhost-compose-mode'.")

(define-derived-mode codexhost-compose-mode text-mode "Codexhost-Compose"
  "A text for the chat.
\\{codexhost-compose-mode-map}"
  (setq header-line-format
        (substitute-command-keys
         "\\<codexhost-compose-mode-map>\\[codexhost-compose-send] says it, \\[codexhost-compose-cancel] drops it")))

(defun codexhost-compose ()
  "Compose a text of several lines."
  (interactive)
  (let ((chat (codexhost--chat)))
    (pop-to-buffer (get-buffer-create "*codexhost compose*"))
    (codexhost-compose-mode)
    (setq codexhost--compose-for chat)))

(defun codexhost-compose-send ()
  "Say the composed text."
  (interactive)
  (let ((text (string-trim (buffer-string))) (chat codexhost--compose-for))
    (unless (buffer-live-p chat)
      (user-error "The chat is gone"))
    (quit-window t)
    (with-current-buffer chat
      (codexhost-say (substring-no-properties text)))))

(defun codexhost-compose-cancel ()
  "Drop the composed text."
  (interactive)
  (quit-window t))

(provide 'codexhost)
;;; codexhost.el ends here
