{{- define "connect-medic.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "connect-medic.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "connect-medic.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What never changes in the life of a release: a Deployment's selector cannot be edited. */}}
{{- define "connect-medic.instanceLabels" -}}
app.kubernetes.io/name: {{ include "connect-medic.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "connect-medic.selectorLabels" -}}
{{ include "connect-medic.instanceLabels" . }}
app.kubernetes.io/component: service
{{- end -}}

{{- define "connect-medic.labels" -}}
{{ include "connect-medic.instanceLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "connect-medic.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "connect-medic.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "connect-medic.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* 2 with Redis, 1 with SQLite, unless said otherwise. */}}
{{- define "connect-medic.replicas" -}}
{{- if kindIs "invalid" .Values.replicaCount -}}
{{- ternary 2 1 (eq .Values.ledger.kind "redis") -}}
{{- else -}}
{{- int .Values.replicaCount -}}
{{- end -}}
{{- end -}}

{{/* What the schema cannot say, or not in plain words. */}}
{{- define "connect-medic.checks" -}}
{{- if not (dig "server" "auth" "" .Values.config) -}}
{{- fail "config.server.auth is missing: say who may call (docs/configuration.md#server), or `auth: none` where everybody who reaches the port may do everything" -}}
{{- end -}}
{{- if and (eq .Values.ledger.kind "sqlite") (gt (int (include "connect-medic.replicas" .)) 1) -}}
{{- fail "ledger.kind sqlite is one process: replicaCount must be 1, or use ledger.kind redis" -}}
{{- end -}}
{{- if eq .Values.ledger.kind "redis" -}}
{{- if and .Values.ledger.redis.secretName .Values.ledger.redis.url -}}
{{- fail "ledger.redis: give secretName or url, not both" -}}
{{- end -}}
{{- if not (or .Values.ledger.redis.secretName .Values.ledger.redis.url) -}}
{{- fail "ledger.kind redis needs ledger.redis.secretName (a Secret with the URL) or ledger.redis.url" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.tls.enabled (not .Values.tls.secretName) -}}
{{- fail "tls.enabled needs tls.secretName: a Secret of the type kubernetes.io/tls" -}}
{{- end -}}
{{- $own := include "connect-medic.fullname" . -}}
{{- if and (has $own .Values.secrets) (include "connect-medic.ownSecret" .) -}}
{{- fail (printf "secrets: %s is the name of the chart's own Secret" $own) -}}
{{- end -}}
{{- end -}}

{{/* Not empty where the chart makes a Secret. */}}
{{- define "connect-medic.ownSecret" -}}
{{- if or .Values.secret.data (and (eq .Values.ledger.kind "redis") .Values.ledger.redis.url) -}}yes{{- end -}}
{{- end -}}

{{/* connect-medic.yml: the user's, with what the chart decides laid over it. */}}
{{- define "connect-medic.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $server := default dict $config.server -}}
{{- $_ := set $server "host" "0.0.0.0" -}}
{{- $_ := set $server "port" 9099 -}}
{{- if .Values.tls.enabled -}}
{{- $tls := dict "certFile" "/etc/connect-medic/tls/tls.crt" "keyFile" "/etc/connect-medic/tls/tls.key" -}}
{{- if .Values.tls.clientCaKey -}}
{{- $_ := set $tls "clientCaFile" (printf "/etc/connect-medic/tls/%s" .Values.tls.clientCaKey) -}}
{{- end -}}
{{- $_ := set $server "tls" $tls -}}
{{- end -}}
{{- $_ := set $config "server" $server -}}
{{- if eq .Values.ledger.kind "redis" -}}
{{- $redis := .Values.ledger.redis -}}
{{- $name := default (include "connect-medic.fullname" .) $redis.secretName -}}
{{- $key := ternary $redis.secretKey "ledger-url" (ne $redis.secretName "") -}}
{{- $ledger := dict "urlFile" (printf "/etc/connect-medic/ledger/%s" $key) "keyPrefix" $redis.keyPrefix "replicas" (int $redis.replicas) -}}
{{- $_ := set $config "ledger" $ledger -}}
{{- else -}}
{{- $_ := set $config "ledger" (dict "url" "sqlite:/var/lib/connect-medic/connect-medic.db") -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Mounts and volumes of everything that is read only: the configuration, secrets, certificates. */}}
{{- define "connect-medic.mounts" -}}
- { name: config, mountPath: /etc/connect-medic/connect-medic.yml, subPath: connect-medic.yml, readOnly: true }
{{- if eq .Values.ledger.kind "redis" }}
- { name: ledger-url, mountPath: /etc/connect-medic/ledger, readOnly: true }
{{- end }}
{{- if .Values.secret.data }}
- { name: secret-own, mountPath: {{ printf "/etc/connect-medic/secrets/%s" (include "connect-medic.fullname" .) | quote }}, readOnly: true }
{{- end }}
{{- range $index, $name := .Values.secrets }}
- { name: secret-{{ $index }}, mountPath: {{ printf "/etc/connect-medic/secrets/%s" $name | quote }}, readOnly: true }
{{- end }}
{{- if .Values.tls.enabled }}
- { name: tls, mountPath: /etc/connect-medic/tls, readOnly: true }
{{- end }}
{{- end -}}

{{- define "connect-medic.volumes" -}}
- name: config
  configMap: { name: {{ include "connect-medic.fullname" . }} }
{{- if eq .Values.ledger.kind "redis" }}
- name: ledger-url
  secret:
    secretName: {{ default (include "connect-medic.fullname" .) .Values.ledger.redis.secretName }}
    defaultMode: 0440
    items: [{ key: {{ ternary .Values.ledger.redis.secretKey "ledger-url" (ne .Values.ledger.redis.secretName "") | quote }}, path: {{ ternary .Values.ledger.redis.secretKey "ledger-url" (ne .Values.ledger.redis.secretName "") | quote }} }]
{{- end }}
{{- if .Values.secret.data }}
- name: secret-own
  secret: { secretName: {{ include "connect-medic.fullname" . }}, defaultMode: 0440 }
{{- end }}
{{- range $index, $name := .Values.secrets }}
- name: secret-{{ $index }}
  secret: { secretName: {{ $name | quote }}, defaultMode: 0440 }
{{- end }}
{{- if .Values.tls.enabled }}
- name: tls
  secret: { secretName: {{ .Values.tls.secretName | quote }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

{{/* The ports of a list of URLs, as JSON, each once: the URL's own, else its scheme's. */}}
{{- define "connect-medic.ports" -}}
{{- $ports := list -}}
{{- range . -}}
{{- $own := regexFind ":[0-9]+(/|$)" (regexReplaceAll "^[a-z]+://" . "") | trimPrefix ":" | trimSuffix "/" -}}
{{- $ports = append $ports (int (default (ternary "443" "80" (hasPrefix "https:" .)) $own)) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/* Kubelets have no client certificate to show: where one is asked for, only the port can be tried. */}}
{{- define "connect-medic.probe" -}}
{{- $tls := .root.Values.tls -}}
{{- if and $tls.enabled $tls.clientCaKey -}}
tcpSocket: { port: http }
{{- else -}}
httpGet: { path: {{ .path }}, port: http, scheme: {{ ternary "HTTPS" "HTTP" $tls.enabled }} }
{{- end -}}
{{- end -}}
