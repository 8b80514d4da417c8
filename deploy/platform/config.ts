import { filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'
import type { Settings } from '../dev/src/environment.ts'
import { platformVersion, type Layout } from '../dev/src/layout.ts'
import { portsFrom } from '../dev/src/ports.ts'
import { passedOn } from './passed-on.ts'

const HOST = '127.0.0.1'

const environment = z.object({
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform, for ever: example.org'),
  PLATFORM_NAME: z.string().min(1).max(128).describe('the name other operators read'),
  FEDERATION_LISTEN: hostPort.describe("where the peers' door listens: 0.0.0.0:8443"),
  FEDERATION_URLS: z
    .string()
    .transform((text) => text.split(',').map((url) => url.trim()))
    .pipe(z.array(z.url({ protocol: /^https$/ })).min(1))
    .describe('https URLs under which peers reach it, the first one first, separated by commas'),
  CONTACT: z.string().min(1).describe('how to reach whoever runs this platform; without it no peer goes past accepted'),
  JURISDICTION: z.string().min(1).describe('under which law it runs; without it no peer goes past accepted'),
  POSTGRES_ADMIN_URL: secret.describe('postgres://<superuser>:<password>@<host>:<port>/postgres'),
  NATS_LISTEN: hostPort.describe('where its nats-server listens: 127.0.0.1:7422'),
  NATS_VERSION: z
    .string()
    .regex(/^\d+\.\d+/, 'is not a version')
    .optional()
    .describe('the version of its nats-server; without it the one on this host is asked'),
  TLOG_LISTEN: hostPort
    .optional()
    .describe('where the logs are shown over HTTPS, and those of others are witnessed: 127.0.0.1:7444'),
  LEDGER_FILES: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe('required: no call gets through while the logs cannot be written as files'),
  WITNESS_POLICY_FILE: filePath.optional().describe('which witnesses have to stand under a checkpoint'),
  NATS_STORE_DIR: filePath.default('/var/lib/powernode-nats').describe('where its nats-server keeps JetStream'),
  NATS_PID_FILE: filePath.default('/run/powernode-nats/nats.pid').describe('where its nats-server says who it is'),
  BASE_PORT: port.default(7400).describe('the ports of the services count from here'),
  STATE_DIR: filePath.default('/var/lib/powernode').describe('where identities and secrets lie'),
  CONFIG_DIR: filePath.default('/etc/powernode').describe('where the environment of each service is written'),
})

export type Preparation = {
  readonly layout: Layout
  /** What is said for one service alone. */
  readonly settings: Settings
  readonly configDir: string
  readonly adminUrl: Secret
  readonly nats: { readonly version: string | undefined; readonly storeDir: string; readonly pidFile: string }
}

/** The one file an operator writes, as a layout of the platform on this host. */
export function preparationFrom(env: Readonly<Record<string, string | undefined>>): Preparation {
  const said = readConfig(environment, env)
  const nats = `${said.NATS_LISTEN.host}:${said.NATS_LISTEN.port}`
  const base = portsFrom(said.BASE_PORT)
  const tlog = said.TLOG_LISTEN ?? { host: HOST, port: base.tlog }
  const ports = { ...base, door: said.FEDERATION_LISTEN.port, nats: said.NATS_LISTEN.port, tlog: tlog.port }
  const site = {
    host: HOST,
    postgres: serverOf(said.POSTGRES_ADMIN_URL.reveal()),
    nats: `nats://${nats}`,
    doorHost: said.FEDERATION_LISTEN.host,
    tlogHost: tlog.host,
    witnessPolicyFile: said.WITNESS_POLICY_FILE,
    ledgerFiles: said.LEDGER_FILES,
    endpoints: said.FEDERATION_URLS.map((url, priority) => ({
      url: new URL(url).origin,
      scope: 'wan' as const,
      priority,
    })),
    platformName: said.PLATFORM_NAME,
    contact: said.CONTACT,
    jurisdiction: said.JURISDICTION,
    version: platformVersion(),
  }
  const natsServer = { version: said.NATS_VERSION, storeDir: said.NATS_STORE_DIR, pidFile: said.NATS_PID_FILE }
  const layout = { name: 'main', trustDomain: said.TRUST_DOMAIN, dir: said.STATE_DIR, ports, site }
  return {
    layout,
    settings: passedOn(env),
    configDir: said.CONFIG_DIR,
    adminUrl: said.POSTGRES_ADMIN_URL,
    nats: natsServer,
  }
}

/** The server of a URL with its options of TLS, without who and what. */
function serverOf(adminUrl: string): string {
  const url = new URL(adminUrl)
  url.username = url.password = url.pathname = ''
  return url.href
}
