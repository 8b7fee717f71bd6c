/** nginx as the upstream of the runs and as the reference proxy. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PeerKind, PeerSetting } from '../peer.ts';

/** Answered by the upstream to every request but those for files: 48 bytes. */
export const SMALL_BODY = 'A small body as microservices send it, 48 bytes.';

/** What every nginx here has in common. One worker; no connection is closed for its age or number of requests. */
function configuration(setting: PeerSetting, http: string): string {
  return `# Written by the benchmark harness.
user root;
worker_processes 1;
daemon off;
pid ${join(setting.directory, 'nginx.pid')};
error_log stderr warn;
events { worker_connections 8192; }
http {
  client_body_temp_path ${join(setting.directory, 'body')};
  proxy_temp_path ${join(setting.directory, 'proxy')};
  fastcgi_temp_path ${join(setting.directory, 'fastcgi')};
  scgi_temp_path ${join(setting.directory, 'scgi')};
  uwsgi_temp_path ${join(setting.directory, 'uwsgi')};
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
${http}
}
`;
}

async function prepare(setting: PeerSetting, http: string): Promise<readonly string[]> {
  const file = join(setting.directory, 'nginx.conf');
  await writeFile(file, configuration(setting, http));
  return ['nginx', '-p', setting.directory, '-c', file];
}

/** The upstream: a small body, and the files of a folder under /files/. */
export function nginxUpstream(files = '/nonexistent'): PeerKind {
  return {
    name: 'upstream',
    prepare: (setting) =>
      prepare(
        setting,
        `  server {
    listen 127.0.0.1:${setting.port} backlog=4096;
    default_type text/plain;
    location / { return 200 '${SMALL_BODY}'; }
    location /files/ { alias ${files}/; }
  }`,
      ),
  };
}

export interface NginxOptions {
  name: string;
  /** Writes an access log, buffered as a busy site would have it. */
  accessLog?: boolean;
  /** Large proxy buffers in place of the default ones. */
  largeBuffers?: boolean;
}

/**
 * The reverse proxy: connections to the upstream are kept, HTTP/1.1 on both sides, X-Forwarded-For. Bodies pass as they
 * come: uploads are not gathered before they are forwarded and downloads are not spooled to a file, since no other
 * peer does that.
 */
export function nginxProxy(options: NginxOptions): PeerKind {
  const buffers = options.largeBuffers
    ? 'proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k;'
    : '';
  return {
    name: options.name,
    prepare: (setting) => {
      const log = options.accessLog
        ? `access_log ${join(setting.directory, 'access.log')} fields buffer=64k flush=1s;`
        : '';
      return prepare(
        setting,
        `  log_format fields '$msec $remote_addr:$remote_port $request_method $request_uri $server_protocol $status '
    '$body_bytes_sent $request_time $upstream_addr $upstream_response_time $host $http_user_agent';
  upstream service {
    server 127.0.0.1:${setting.upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen 127.0.0.1:${setting.port} backlog=4096;
    ${log}
    client_max_body_size 0;
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      ${buffers}
    }
  }`,
      );
    },
  };
}
