{{/* Parts of a pod that several pods share. */}}

{{/* Fields of every pod's spec; the default is for Pod Security "restricted". Takes the root. */}}
{{- define "modelsystem.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where a pod may run. Takes a workload's section of the values. */}}
{{- define "modelsystem.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- include "modelsystem.strings" . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Fields of every container; the default is for Pod Security "restricted". Takes the root. */}}
{{- define "modelsystem.containerSecurity" -}}
terminationMessagePolicy: FallbackToLogsOnError
{{- with .Values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The public keys, by which the programs check the signature of a model that they read, as variable,
mount and volume; empty without them. Each takes the root.
*/}}
{{- define "modelsystem.trust" -}}
{{- if .Values.signing.trustedKeys -}}
TRUSTED_KEYS: /trusted-keys
{{- end -}}
{{- end }}
{{- define "modelsystem.trustedKeysVolume" -}}
{{- with .Values.signing.trustedKeys -}}
- name: trusted-keys
  configMap:
    name: {{ . }}
{{- end -}}
{{- end }}
{{- define "modelsystem.trustedKeysMount" -}}
{{- if .Values.signing.trustedKeys -}}
- name: trusted-keys
  mountPath: /trusted-keys
  readOnly: true
{{- end -}}
{{- end }}
