;;; codexhost-render.el --- Items of a thread as text  -*- lexical-binding: t; -*-

;;; Commentary:

;; What the chat shows: items, plans and diffs as text, with faces.  Nothing here knows a buffer or the host.

;;; Code:

(require 'subr-x)

(defcustom codexhost-output-lines 200
  "The most lines that are shown of one command's output."
  :type 'natnum
  :group 'codexhost)

(defface codexhost-user '((t :inherit font-lock-keyword-face))
  "Face of what you said."
  :group 'codexhost)

(defface codexhost-reasoning '((t :inherit shadow :slant italic))
  "Face of what the model says of its reasoning."
  :group 'codexhost)

(defface codexhost-command '((t :inherit font-lock-function-name-face))
  "Face of commands, changes and other tools."
  :group 'codexhost)

(defface codexhost-output '((t :inherit shadow))
  "Face of what a command printed."
  :group 'codexhost)

(defface codexhost-notice '((t :inherit warning))
  "Face of notices and errors."
  :group 'codexhost)

(defun codexhost--empty ()
  "Return what is encoded as an empty JSON object."
  (make-hash-table :size 1))

(defun codexhost--json (value)
  "Return VALUE as JSON text."
  (if (fboundp 'json-serialize)
      (decode-coding-string (json-serialize value :null-object nil :false-object :json-false) 'utf-8)
    (format "%S" value)))

(defun codexhost--reasoning (text &optional more)
  "Return TEXT as reasoning: what is after its first line is folded.
With MORE the first line was there before."
  (let ((rest (if more 0 (string-search "\n" text))))
    (setq text (propertize text 'face 'codexhost-reasoning))
    (when rest
      (put-text-property rest (length text) 'invisible 'codexhost-reasoning text))
    text))

(defun codexhost--outcome (item)
  "Return how ITEM ended."
  (let ((status (plist-get item :status)) (code (plist-get item :exitCode)))
    (cond ((equal status "inProgress") "running")
          ((equal status "declined") "declined")
          ((and code (/= code 0)) (format "exit status %d" code))
          ((equal status "failed") "failed")
          (t "done"))))

(defun codexhost--bare-command (text)
  "Return the command TEXT without the shell that it is handed to.
If something else would be lost by that, return TEXT.  The
commandActions of an item would read better, but leave parts out."
  (if (not (string-match "\\`[^ ]*sh -l?c ." text))
      text
    (let* ((script (substring text (1- (match-end 0))))
           (inner (and (> (length script) 1) (substring script 1 -1))))
      (cond ((string-match-p "\\`'[^']*'\\'" script)
             inner)
            ((and inner
                  (string-prefix-p "\"" script)
                  (string-suffix-p "\"" script)
                  (not (string-search "\"" (replace-regexp-in-string "\\\\." "" inner))))
             (replace-regexp-in-string "\\\\\\([\"\\$`]\\)" "\\1" inner))
            ((string-match-p "[ \t\n'\"\\]" script) text)
            (t script)))))

(defun codexhost--indented (text prefix)
  "Return TEXT with PREFIX before each line, and no blank lines at its end."
  (concat prefix (replace-regexp-in-string "\n" (concat "\n" prefix) (string-trim-right text "[\r\n]+") t t)))

(defun codexhost--tail (text)
  "Return the last `codexhost-output-lines' lines of TEXT."
  (let* ((lines (split-string (string-trim-right text "[\r\n]+") "\n"))
         (excess (- (length lines) codexhost-output-lines)))
    (if (<= excess 0)
        (string-join lines "\n")
      (format "... %d lines before\n%s" excess (string-join (nthcdr excess lines) "\n")))))

(defun codexhost--change-kind (change)
  "Return the kind of CHANGE: add, delete or update."
  (let ((kind (plist-get change :kind)))
    (if (stringp kind) kind (plist-get kind :type))))

(defun codexhost--item-text (item)
  "Return ITEM as text, empty if there is nothing to show."
  (pcase (plist-get item :type)
    ("userMessage"
     (propertize
      (mapconcat (lambda (part)
                   (codexhost--indented (or (plist-get part :text)
                                            (format "[%s]" (or (plist-get part :name) (plist-get part :path)
                                                               (plist-get part :url) (plist-get part :type))))
                                        "> "))
                 (plist-get item :content) "\n")
      'face 'codexhost-user))
    ((or "agentMessage" "plan")
     (string-trim-right (or (plist-get item :text) "") "\n+"))
    ("reasoning"
     (let ((summary (plist-get item :summary)))
       (codexhost--reasoning (mapconcat #'identity
                                        (if (> (length summary) 0) summary (plist-get item :content))
                                        "\n"))))
    ("commandExecution"
     (let ((output (or (plist-get item :aggregatedOutput) "")))
       (concat (propertize (format "$ %s" (string-trim-right (codexhost--bare-command (or (plist-get item :command) ""))))
                           'face 'codexhost-command)
               (format "  [%s]" (codexhost--outcome item))
               (unless (string-empty-p output)
                 (propertize (concat "\n" (codexhost--indented (codexhost--tail output) "    "))
                             'face 'codexhost-output)))))
    ("fileChange"
     (mapconcat (lambda (change)
                  (concat (propertize (format "± %s %s" (codexhost--change-kind change)
                                              (file-relative-name (plist-get change :path)))
                                      'face 'codexhost-command)
                          (format "  [%s]" (codexhost--outcome item))))
                (plist-get item :changes) "\n"))
    ("mcpToolCall"
     (let ((output (or (plist-get (plist-get item :error) :message)
                       (mapconcat (lambda (part)
                                    (or (plist-get part :text) (format "[%s]" (plist-get part :type))))
                                  (plist-get (plist-get item :result) :content) "\n"))))
       (concat (propertize (format "* %s/%s" (plist-get item :server) (plist-get item :tool))
                           'face 'codexhost-command)
               (and (plist-get item :arguments) (concat " " (codexhost--json (plist-get item :arguments))))
               (format "  [%s]" (codexhost--outcome item))
               (unless (string-empty-p output)
                 (propertize (concat "\n" (codexhost--indented (codexhost--tail output) "    "))
                             'face 'codexhost-output)))))
    ("contextCompaction" "* the conversation was condensed")
    (type (format "* %s" type))))

(defun codexhost--plan (params)
  "Return the plan in PARAMS as text."
  (concat "Plan"
          (and (plist-get params :explanation) (concat ": " (plist-get params :explanation)))
          (mapconcat (lambda (step)
                       (format "\n- [%s] %s"
                               (pcase (plist-get step :status) ("completed" "x") ("inProgress" ">") (_ " "))
                               (plist-get step :step)))
                     (plist-get params :plan) "")))

(defun codexhost--marked (mark text)
  "Return TEXT with MARK before each line, ended by a newline."
  (concat (codexhost--indented text mark) "\n"))

(defun codexhost--unified (changes)
  "Return the unified diff of what a fileChange item lists.
These CHANGES have content for added and deleted files, else hunks."
  (mapconcat
   (lambda (change)
     (let* ((path (plist-get change :path))
            (diff (plist-get change :diff))
            (lines (length (split-string (string-trim-right diff "\n+") "\n")))
            (kind (plist-get change :kind)))
       (pcase (codexhost--change-kind change)
         ("add" (format "--- /dev/null\n+++ %s\n@@ -0,0 +1,%d @@\n%s" path lines (codexhost--marked "+" diff)))
         ("delete" (format "--- %s\n+++ /dev/null\n@@ -1,%d +0,0 @@\n%s" path lines (codexhost--marked "-" diff)))
         (_ (format "--- %s\n+++ %s\n%s" path
                    (or (and (listp kind) (plist-get kind :move_path)) path)
                    (codexhost--marked "" diff))))))
   changes ""))

(provide 'codexhost-render)
;;; codexhost-render.el ends here
