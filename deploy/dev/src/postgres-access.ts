import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerUser } from './server-user.ts'

/** The files of an identity directory that Postgres is given copies of: it reads a key only when it owns it. */
const FILES = { cert: 'cert.pem', key: 'key.pem', ca: 'roots.pem', crl: 'crl.pem' } as const

/**
 * Who may connect, in Postgres' own words. From this machine: any role, with its password. From elsewhere: members of the
 * cluster, to replicate and do nothing else, over TLS, with their password and with a certificate that bears their role's name.
 */
const WHO_MAY_CONNECT = `# TYPE  DATABASE     USER                               ADDRESS       METHOD
host    all          "/^powernode_repl_"                all           reject
host    all          all                                127.0.0.1/32  scram-sha-256
host    all          all                                ::1/128       scram-sha-256
hostssl replication  "/^powernode_repl_[0-9a-f]{16}$"   all           scram-sha-256 clientcert=verify-full
`

/** Arguments that have a server read our own settings (after those that initdb wrote) and our own list of who may connect. */
export function accessArguments(user: ServerUser, data: string): string[] {
  const [settings, access] = [join(user.base, 'powernode.conf'), join(user.base, 'pg_hba.conf')]
  write(user, access, WHO_MAY_CONNECT)
  write(user, settings, settingsText(user, data))
  return ['-c', `config_file=${settings}`, '-c', `hba_file=${access}`]
}

/** Gives the server another certificate: to be followed by SIGHUP. Connections stay; new ones see the new one. */
export function writeCertificate(user: ServerUser, data: string, identityDir: string): void {
  const dir = join(user.base, 'tls')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  user.own(dir)
  for (const file of Object.values(FILES)) {
    if (!existsSync(join(identityDir, file))) continue
    const next = join(dir, `${file}.new`)
    copyFileSync(join(identityDir, file), next)
    user.own(next)
    renameSync(next, join(dir, file))
  }
  write(user, join(user.base, 'powernode.conf'), settingsText(user, data))
}

function settingsText(user: ServerUser, data: string): string {
  const at = (file: string) => join(user.base, 'tls', file)
  const has = (file: string) => existsSync(at(file))
  const tls = [
    'ssl = on',
    "ssl_min_protocol_version = 'TLSv1.3'",
    `ssl_cert_file = '${at(FILES.cert)}'`,
    `ssl_key_file = '${at(FILES.key)}'`,
    `ssl_ca_file = '${at(FILES.ca)}'`,
    ...(has(FILES.crl) ? [`ssl_crl_file = '${at(FILES.crl)}'`] : []),
  ]
  return [`include = '${join(data, 'postgresql.conf')}'`, ...(has(FILES.key) ? tls : []), ''].join('\n')
}

/** Replaced at once; a server that is told to read it meanwhile reads the one or the other. */
function write(user: ServerUser, file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  user.own(`${file}.new`)
  renameSync(`${file}.new`, file)
}
