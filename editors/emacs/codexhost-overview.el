;;; codexhost-overview.el --- The host, skills and MCP servers  -*- lexical-binding: t; -*-

;;; Commentary:

;; What there is and how it is: the host, the thread, its skills and MCP servers, with what is wrong with them.

;;; Code:

(require 'codexhost)

(define-derived-mode codexhost-overview-mode special-mode "Codexhost-Overview"
  "The host, the thread, skills and MCP servers.")

;;;###autoload
(defun codexhost-show-status ()
  "Show the host, the thread, skills and MCP servers, and what is wrong."
  (interactive)
  (with-current-buffer (codexhost--chat)
    (codexhost--ask-host
     :skills/list (list :cwds (vector (codexhost--folder)))
     (lambda (skills)
       (codexhost--ask-host
        :mcpServerStatus/list (if codexhost--thread
                                  (list :threadId (plist-get codexhost--thread :id))
                                (codexhost--empty))
        (lambda (servers)
          (codexhost-overview--show (concat (codexhost-overview--thread)
                                            (codexhost-overview--skills (plist-get skills :data))
                                            (codexhost-overview--servers (plist-get servers :data))))))))))

(defun codexhost-overview--show (text)
  "Show TEXT in a window."
  (let ((chat (current-buffer)))
    (with-current-buffer (get-buffer-create "*codexhost status*")
      (codexhost-overview-mode)
      (setq-local revert-buffer-function (lambda (&rest _)
                                           (with-current-buffer chat
                                             (codexhost-show-status))))
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert text)
        (goto-char (point-min)))
      (display-buffer (current-buffer)))))

(defun codexhost-overview--line (name value)
  "Return a line with NAME and VALUE."
  (format "  %-10s %s\n" name (if (stringp value) value (format "%S" value))))

(defun codexhost-overview--broken (name why)
  "Return a line with WHY NAME is broken."
  (propertize (format "  ! %s: %s\n" name (replace-regexp-in-string "[ \t]*\n[ \t]*" " " (string-trim why)))
              'face 'codexhost-notice))

(defun codexhost-overview--thread ()
  "Return what is to be said of the host and the thread of this chat."
  (concat "Host\n"
          (codexhost-overview--line "program" (plist-get codexhost--host :userAgent))
          (codexhost-overview--line "home" (or (plist-get codexhost--host :codexHome) "?"))
          (if (not codexhost--thread)
              "\nThread\n  none yet\n"
            (concat "\nThread\n"
                    (codexhost-overview--line "id" (plist-get codexhost--thread :id))
                    (codexhost-overview--line "folder" (plist-get codexhost--thread :cwd))
                    (codexhost-overview--line "model" (codexhost--in-use :model))
                    (codexhost-overview--line "sandbox" (codexhost--in-use :sandbox))
                    (codexhost-overview--line "approvals" (codexhost--in-use :approvalPolicy))
                    (codexhost-overview--line "mode" (or (codexhost--in-use :mode) "default"))))))

(defun codexhost-overview--skills (entries)
  "Return what is to be said of the skills in ENTRIES."
  (let ((lines (mapconcat
                (lambda (entry)
                  (concat
                   (mapconcat (lambda (broken)
                                (codexhost-overview--broken (abbreviate-file-name (plist-get broken :path))
                                                            (plist-get broken :message)))
                              (plist-get entry :errors) "")
                   (mapconcat (lambda (skill)
                                (format "  $%s: %s\n" (plist-get skill :name)
                                        (if (eq (plist-get skill :enabled) t)
                                            (or (plist-get skill :shortDescription) (plist-get skill :description))
                                          "disabled")))
                              (plist-get entry :skills) "")))
                entries "")))
    (concat "\nSkills\n" (if (string-empty-p lines) "  none\n" lines))))

(defun codexhost-overview--servers (servers)
  "Return what is to be said of the MCP SERVERS."
  (concat
   "\nMCP servers\n"
   (if (seq-empty-p servers) "  none\n" "")
   (mapconcat
    (lambda (server)
      (let* ((name (plist-get server :name))
             (heard (codexhost--server name))
             (broken (or (plist-get server :toolsError) (and (equal (car heard) "failed") (nth 1 heard))))
             (tools (cl-loop for key in (plist-get server :tools) by #'cddr collect (substring (symbol-name key) 1))))
        (cond (broken (codexhost-overview--broken name broken))
              ((equal (car heard) "starting") (format "  %s: is starting\n" name))
              (t (format "  %s: %s\n" name (if tools (string-join tools ", ") "no tools"))))))
    servers "")))

(provide 'codexhost-overview)
;;; codexhost-overview.el ends here
