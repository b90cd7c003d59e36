;;; codexhost-form.el --- Forms that are filled in with the minibuffer  -*- lexical-binding: t; -*-

;;; Commentary:

;; A field is a plist: :name, :label and :kind (text, secret, number, integer, boolean, one, many); maybe :description,
;; :required, :default, :options (a list of (LABEL . VALUE)), :other (an answer beside the options can be typed), and
;; what a JSON schema says of limits: :minLength, :maxLength, :minimum, :maximum, :minItems, :maxItems, :format.

;;; Code:

(require 'cl-lib)
(require 'crm)
(require 'seq)
(require 'subr-x)

(defconst codexhost-form--formats
  '(("email" "\\`[^ \t\n]+@[^ \t\n]+\\'" "an address such as me@example.com, please")
    ("uri" "\\`[a-zA-Z][a-zA-Z0-9+.-]*:[^ \t\n]+\\'" "an address such as https://example.com, please")
    ("date" "\\`[0-9]\\{4\\}-[0-9]\\{2\\}-[0-9]\\{2\\}\\'" "a date such as 2026-01-31, please")
    ("date-time" "\\`[0-9]\\{4\\}-[0-9]\\{2\\}-[0-9]\\{2\\}T[0-9]\\{2\\}:[0-9]\\{2\\}"
     "a time such as 2026-01-31T12:00:00Z, please"))
  "Formats of texts: a name, a pattern, and what is wanted.")

(defconst codexhost-form--leave-out "(leave it out)")

(defun codexhost-form--options (schema)
  "Return the options that SCHEMA has, as (LABEL . VALUE)."
  (let ((named (or (plist-get schema :oneOf) (plist-get schema :anyOf)))
        (names (plist-get schema :enumNames)))
    (append
     (seq-map (lambda (one) (cons (or (plist-get one :title) (plist-get one :const)) (plist-get one :const))) named)
     (seq-map-indexed (lambda (value i) (cons (if (< i (length names)) (elt names i) value) value))
                      (plist-get schema :enum)))))

(defun codexhost-form-fields (schema)
  "Return the fields of a requested SCHEMA, in its order."
  (cl-loop
   for (key property) on (plist-get schema :properties) by #'cddr
   for name = (substring (symbol-name key) 1)
   for type = (plist-get property :type)
   for options = (codexhost-form--options (if (equal type "array") (plist-get property :items) property))
   collect `(:name ,name
                   :label ,(or (plist-get property :title) name)
                   :kind ,(cond ((equal type "array") 'many)
                                (options 'one)
                                ((member type '("boolean" "number" "integer")) (intern type))
                                (t 'text))
                   :options ,options
                   :required ,(and (seq-contains-p (plist-get schema :required) name) t)
                   ,@property)))

(defun codexhost-form--outside (number least most unit)
  "Return what is wrong with NUMBER if it is not from LEAST to MOST of UNIT."
  (cond ((and least (< number least)) (format "at least %s%s, please" least unit))
        ((and most (> number most)) (format "at most %s%s, please" most unit))))

(defun codexhost-form-value (field text)
  "Return TEXT as a value of FIELD, in a list; or a string, what is wrong."
  (let ((format (assoc (plist-get field :format) codexhost-form--formats))
        (number (and (string-match-p "\\`[ \t]*[-+]?[0-9]*\\.?[0-9]+\\(?:[eE][-+]?[0-9]+\\)?[ \t]*\\'" text)
                     (string-to-number text))))
    (pcase (plist-get field :kind)
      ((or 'number 'integer)
       (cond ((or (null number) (and (eq (plist-get field :kind) 'integer) (/= number (ffloor (float number)))))
              "a number, please")
             ((codexhost-form--outside number (plist-get field :minimum) (plist-get field :maximum) ""))
             (t (list (if (eq (plist-get field :kind) 'integer) (round number) number)))))
      (_
       (cond ((and format (not (string-match-p (nth 1 format) text))) (nth 2 format))
             ((codexhost-form--outside (length text) (plist-get field :minLength) (plist-get field :maxLength)
                                       " characters"))
             (t (list text)))))))

(defun codexhost-form--prompt (field why)
  "Return the prompt for FIELD, with WHY it is asked again."
  (concat (plist-get field :label)
          (let ((description (or (plist-get field :description) "")))
            (unless (string-empty-p description)
              (format " (%s)" description)))
          (and why (concat ". " why))
          (if (plist-get field :required) ": " ", or nothing: ")))

(defun codexhost-form--read-text (field)
  "Read a text or number for FIELD; return it in a list, nil if it was left out."
  (let ((initial (and (plist-get field :default) (format "%s" (plist-get field :default))))
        why value)
    (while (not value)
      (let* ((prompt (codexhost-form--prompt field why))
             (text (if (eq (plist-get field :kind) 'secret)
                       (read-passwd prompt)
                     (read-string prompt initial))))
        (cond ((not (string-empty-p text))
               (setq value (codexhost-form-value field text)))
              ((plist-get field :required)
               (setq value "an answer is needed"))
              (t (setq value t)))
        (when (stringp value)
          (setq why value
                initial text
                value nil))))
    (and (consp value) value)))

(defun codexhost-form--read-one (field)
  "Read one of the options of FIELD; return it in a list, nil if it was left out."
  (let* ((options (plist-get field :options))
         (optional (not (plist-get field :required)))
         (default (car (rassoc (plist-get field :default) options)))
         (picked (completing-read (codexhost-form--prompt field (and default (concat "Default " default)))
                                  (append (mapcar #'car options) (and optional (list codexhost-form--leave-out)))
                                  nil (not (plist-get field :other)) nil nil
                                  default))
         (option (assoc picked options)))
    (cond (option (list (cdr option)))
          ((equal picked codexhost-form--leave-out) nil)
          ((and (plist-get field :other) (not (string-empty-p picked))) (list picked))
          (optional nil)
          (t (codexhost-form--read-one field)))))

(defun codexhost-form--read-many (field)
  "Read some of the options of FIELD; return them as a vector in a list."
  (let* ((options (plist-get field :options))
         (initial (mapconcat (lambda (value) (or (car (rassoc value options)) value)) (plist-get field :default) ","))
         why values)
    (while (not values)
      (let ((picked (seq-uniq (completing-read-multiple (codexhost-form--prompt field why)
                                                        (mapcar #'car options) nil t initial))))
        (setq why (and (or picked (plist-get field :required))
                       (codexhost-form--outside (length picked) (plist-get field :minItems) (plist-get field :maxItems)
                                                " of them"))
              values (unless why
                       (list (vconcat (mapcar (lambda (label) (cdr (assoc label options))) picked)))))))
    (unless (and (equal values '([])) (not (plist-get field :required)))
      values)))

(defun codexhost-form--read-field (field)
  "Read FIELD; return its value in a list, nil if it was left out."
  (pcase (plist-get field :kind)
    ('many (codexhost-form--read-many field))
    ('one (codexhost-form--read-one field))
    ('boolean
     (let ((default (if (plist-member field :default) (if (eq (plist-get field :default) t) t :json-false))))
       (codexhost-form--read-one
        `(:options (("Yes" . t) ("No" . :json-false)) :default ,default ,@field))))
    (_ (codexhost-form--read-text field))))

(defun codexhost-form-read (fields)
  "Read FIELDS in the minibuffer; return the answers by name in a hash table."
  (let ((values (make-hash-table :test #'equal)))
    (dolist (field fields)
      (let ((value (codexhost-form--read-field field)))
        (when value
          (puthash (plist-get field :name) (car value) values))))
    values))

(provide 'codexhost-form)
;;; codexhost-form.el ends here
