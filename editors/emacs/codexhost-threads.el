;;; codexhost-threads.el --- The list of threads  -*- lexical-binding: t; -*-

;;; Commentary:

;; A list of the threads that the host keeps, to go on with one, to search, rename, fork and archive.

;;; Code:

(require 'codexhost)
(require 'tabulated-list)

(defvar-local codexhost-threads--chat nil "The chat that this list belongs to.")
(defvar-local codexhost-threads--all nil "Whether threads of every folder are listed.")
(defvar-local codexhost-threads--archived nil "Whether archived threads are listed.")
(defvar-local codexhost-threads--search nil "The text that is searched for.")
(defvar-local codexhost-threads--next nil "The cursor of the next page.")
(defvar-local codexhost-threads--asked 0 "How often the host was asked; answers may overtake one another.")

(defvar codexhost-threads-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'codexhost-threads-open)
    (define-key map "r" #'codexhost-threads-rename)
    (define-key map "f" #'codexhost-threads-fork)
    (define-key map "d" #'codexhost-threads-archive)
    (define-key map "/" #'codexhost-threads-search)
    (define-key map "a" #'codexhost-threads-toggle-archived)
    (define-key map "." #'codexhost-threads-toggle-all)
    (define-key map "+" #'codexhost-threads-more)
    map)
  "Keys of the list of threads.")

(define-derived-mode codexhost-threads-mode tabulated-list-mode "Codexhost-Threads"
  "A list of threads.
\\{codexhost-threads-mode-map}"
  (setq tabulated-list-format [("Last used" 17 nil) ("Thread" 70 nil) ("Folder" 0 nil)]
        tabulated-list-padding 1
        mode-line-process '(:eval (codexhost-threads--what)))
  (setq-local revert-buffer-function (lambda (&rest _) (codexhost-threads--load)))
  (tabulated-list-init-header))

(defun codexhost-threads--what ()
  "Return what is listed."
  (concat (if codexhost-threads--archived " archived" "")
          (if codexhost-threads--all " of every folder" "")
          (if codexhost-threads--search (format " with \"%s\"" codexhost-threads--search) "")
          (if codexhost-threads--next ", + for more" "")))

;;;###autoload
(defun codexhost-threads ()
  "List the threads of the current project."
  (interactive)
  (let* ((chat (codexhost--chat))
         (folder (buffer-local-value 'default-directory chat)))
    (pop-to-buffer (get-buffer-create (format "*codexhost threads: %s*" (abbreviate-file-name folder))))
    (unless (derived-mode-p 'codexhost-threads-mode)
      (codexhost-threads-mode))
    (setq default-directory folder
          codexhost-threads--chat chat)
    (codexhost-threads--load)))

(defmacro codexhost-threads--in-chat (&rest body)
  "Run BODY in the chat of this list."
  (declare (indent 0) (debug t))
  `(if (buffer-live-p codexhost-threads--chat)
       (with-current-buffer codexhost-threads--chat
         ,@body)
     (user-error "The chat is gone")))

(defun codexhost-threads--load (&optional cursor)
  "List the threads anew, or those after CURSOR, too."
  (let ((list (current-buffer))
        (mine (cl-incf codexhost-threads--asked))
        (params `(:limit 50 :sortKey "updated_at"
                         ,@(and cursor (list :cursor cursor))
                         ,@(unless codexhost-threads--all (list :cwd (codexhost--folder)))
                         ,@(and codexhost-threads--archived (list :archived t))
                         ,@(and codexhost-threads--search (list :searchTerm codexhost-threads--search)))))
    (codexhost-threads--in-chat
      (codexhost--ask-host
       :thread/list params
       (lambda (result)
         (when (buffer-live-p list)
           (with-current-buffer list
             (when (= mine codexhost-threads--asked)
               (codexhost-threads--show result cursor)))))))))

(defun codexhost-threads--show (result add)
  "Show the threads of RESULT; ADD them to those that are there."
  (let ((entries (mapcar #'codexhost-threads--entry (plist-get result :data))))
    (setq codexhost-threads--next (plist-get result :nextCursor)
          tabulated-list-entries (if add (append tabulated-list-entries entries) entries))
    (tabulated-list-print t)
    (force-mode-line-update)))

(defun codexhost-threads--entry (thread)
  "Return the line of THREAD."
  (list thread
        (vector (format-time-string "%F %R" (plist-get thread :updatedAt))
                (codexhost--thread-title thread)
                (if codexhost-threads--all (abbreviate-file-name (plist-get thread :cwd)) ""))))

(defun codexhost-threads--here ()
  "Return the thread at point."
  (or (tabulated-list-get-id) (user-error "There is no thread here")))

(defun codexhost-threads--change (method params)
  "Send METHOD with PARAMS and list the threads anew."
  (let ((list (current-buffer)))
    (codexhost-threads--in-chat
      (codexhost--ask-host method params
                           (lambda (_)
                             (when (buffer-live-p list)
                               (with-current-buffer list
                                 (codexhost-threads--load))))))))

(defun codexhost-threads-open ()
  "Go on with the thread at point."
  (interactive)
  (let ((thread (codexhost-threads--here)))
    (when codexhost-threads--archived
      (user-error "Take it out of the archive first"))
    (codexhost-threads--in-chat
      (pop-to-buffer (current-buffer))
      (codexhost--go-on thread))))

(defun codexhost-threads-fork ()
  "Go on in a copy of the thread at point."
  (interactive)
  (let ((thread (codexhost-threads--here)))
    (codexhost-threads--in-chat
      (pop-to-buffer (current-buffer))
      (codexhost--fork (plist-get thread :id) nil))))

(defun codexhost-threads-rename (name)
  "Give the thread at point the NAME."
  (interactive (list (read-string "Name: " (codexhost--thread-title (codexhost-threads--here)))))
  (codexhost-threads--change :thread/name/set
                             (list :threadId (plist-get (codexhost-threads--here) :id) :name name)))

(defun codexhost-threads-archive ()
  "Archive the thread at point, or take it out of the archive."
  (interactive)
  (let ((id (plist-get (codexhost-threads--here) :id)))
    (when (equal id (codexhost-threads--in-chat (plist-get codexhost--thread :id)))
      (user-error "This thread is that of the chat: open another one first"))
    (codexhost-threads--change (if codexhost-threads--archived :thread/unarchive :thread/archive)
                               (list :threadId id))))

(defun codexhost-threads-search (text)
  "List threads with TEXT in their name or first message; all, if it is empty."
  (interactive (list (read-string "Search for: " codexhost-threads--search)))
  (setq codexhost-threads--search (if (string-empty-p text) nil text))
  (codexhost-threads--load))

(defun codexhost-threads-toggle-archived ()
  "List the archive, or leave it."
  (interactive)
  (setq codexhost-threads--archived (not codexhost-threads--archived))
  (codexhost-threads--load))

(defun codexhost-threads-toggle-all ()
  "List threads of every folder, or only of this one."
  (interactive)
  (setq codexhost-threads--all (not codexhost-threads--all))
  (codexhost-threads--load))

(defun codexhost-threads-more ()
  "List more threads."
  (interactive)
  (unless codexhost-threads--next
    (user-error "These are all"))
  (codexhost-threads--load codexhost-threads--next))

(provide 'codexhost-threads)
;;; codexhost-threads.el ends here
