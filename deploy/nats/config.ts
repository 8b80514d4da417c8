import { DENIED, type NatsUser } from './permissions.ts'

export type NatsConfig = {
  readonly serverName: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly storeDir: string
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string }
  /** One account per platform: accounts share no subjects and no streams. */
  readonly account: string
  readonly users: readonly NatsUser[]
  /** The user of the system account, which may read the server's own state. */
  readonly systemUser?: string
  readonly pidFile?: string
  /** Whether the server knows `sync_interval` (2.10 and later): then an acknowledged message is on disk. */
  readonly syncAlways: boolean
}

/** The text of a nats-server configuration: mutual TLS, users by their certificates, JetStream on disk. */
export function natsConfig(config: NatsConfig): string {
  const { listen, tls, users } = config
  return `# Generated from deploy/nats/permissions.ts; do not edit.
server_name: ${quote(config.serverName)}
listen: ${quote(`${listen.host}:${listen.port}`)}
${config.pidFile === undefined ? '' : `pid_file: ${quote(config.pidFile)}\n`}max_payload: 1MB
write_deadline: "10s"
tls {
  cert_file: ${quote(tls.cert)}
  key_file: ${quote(tls.key)}
  ca_file: ${quote(tls.ca)}
  verify_and_map: true
  timeout: 20
}
jetstream {
  store_dir: ${quote(config.storeDir)}
${config.syncAlways ? '  sync_interval: always\n' : ''}}
system_account: SYS
accounts {
  SYS { users: [${config.systemUser === undefined ? '' : ` { user: ${quote(config.systemUser)} } `}] }
  ${config.account} {
    jetstream: enabled
    users: [
${users.map(userText).join('\n')}
    ]
  }
}
`
}

function userText({ spiffeUri, publish, subscribe, maintenance }: NatsUser): string {
  const deny = maintenance ? '' : `, deny: ${list(DENIED)}`
  return `      { user: ${quote(spiffeUri)}, permissions: {
          publish: { allow: ${list(publish)}${deny} }
          subscribe: { allow: ${list(subscribe)} }
      } }`
}

const list = (subjects: readonly string[]) => `[${subjects.map(quote).join(', ')}]`

/** A quoted string; inside quotes `$` is no variable. JSON's escapes are a subset of what the server reads. */
const quote = (text: string) => JSON.stringify(text)
