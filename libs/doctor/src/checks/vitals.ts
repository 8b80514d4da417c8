import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { GetVitalsResponse } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { failed, ok, skipped, warning, type Trouble } from '../check.ts'
import type { ServiceVitals } from '../evidence.ts'
import { dateOf, lasting, msOf, since } from '../moments.ts'

const CLOCK_MS = 5_000
/** A relay sends within milliseconds: after a minute something holds it up, after ten others act on old news. */
const OUTBOX_LATE_MS = 60_000
const OUTBOX_STUCK_MS = 600_000
const MANY_WAITING = 1_000n
const DISK_WARNING = 0.1
const DISK_FULL = 0.03

/** Every process of ours; what all that are asked have in common is one line. */
export function servicesChecks(services: readonly ServiceVitals[], now: Date): Check[] {
  const [strange, others] = [services.filter(isNotTrusted), services.filter((service) => !isNotTrusted(service))]
  return [...notTrusted(strange, others.length === 0), ...others.flatMap((service) => vitalsChecks(service, now))]
}

/** OpenSSL's words for a server whose CA the files of whoever asks do not know: the service itself may be well. */
const NOT_TRUSTED = /certificate CRL|self-signed certificate|issuer certificate|unable to verify/i
const isNotTrusted = ({ vitals, silent = '' }: ServiceVitals): boolean => !vitals && NOT_TRUSTED.test(silent)

function notTrusted(services: readonly ServiceVitals[], isAll: boolean): Check[] {
  const [first] = services
  if (!first) return []
  const names = isAll ? 'none of our services' : `not ${services.map(({ name }) => name).join(', ')}`
  return [
    failed('services.trust', {
      symptom: 'roots_outdated',
      summary: `the roots that whoever asks holds of this platform vouch for ${names}`,
      cause: `${first.silent}; its CA was replaced meanwhile, or the files are of another platform`,
      side: 'us',
      command:
        'put roots.pem of the asking identity anew and remove its crl.pem; ca show --pem of another operator prints it',
    }),
  ]
}

/** One process of ours: each part of it that it can speak of, in the order in which a failure explains the next. */
function vitalsChecks(service: ServiceVitals, now: Date): Check[] {
  const { name, vitals, silent = 'it was not asked' } = service
  if (!vitals && silent.startsWith('METHOD_UNKNOWN'))
    return [skipped('services.running', `${name} answers, and is of a release that does not say how it is`)]
  if (!vitals)
    return [
      failed('services.running', {
        symptom: HALF_PAIR.test(silent) ? 'identity_broken' : 'service_down',
        summary: `${name} does not answer`,
        cause: silent,
        side: 'us',
        command: `systemctl status powernode@${name}`,
      }),
    ]
  const parts = [certificate, database, clock, disks, bus, outbox, consumers]
  const found = parts.flatMap((part) => part(name, vitals, { ...service, now }))
  return found.length > 0 ? found : [ok('services.running', `${name} ${vitals.version} is well`)]
}

/** Words of a key pair of which one half is missing, or does not fit the other. */
const HALF_PAIR = /half|without (its|a|the) (private )?key|key\.pem|cert\.pem|does not (fit|match|belong)|partial/i

/** The command that such an error names itself. */
const mendIn = (error: string): string | undefined => /mend it: (.+)$/.exec(error)?.[1]

type Around = Pick<ServiceVitals, 'roundTripMs'> & { readonly now: Date }
type Part = (name: string, vitals: GetVitalsResponse, around: Around) => Check[]

const certificate: Part = (name, { certificate: own }, { now }) => {
  if (!own) return []
  const left = -(since(own.expiresAt, now) ?? -Infinity)
  const life = (dateOf(own.expiresAt)?.getTime() ?? 0) - (dateOf(own.issuedAt)?.getTime() ?? 0)
  const command = 'fedctl cert list --kind service'
  if (left <= 0)
    return wrong('services.certificate', name, {
      symptom: 'certificate_expired_here',
      summary: `its certificate ran out ${lasting(left)} ago`,
      cause: own.renewalError || 'it was not renewed',
      command,
    })
  if (own.renewalError !== '' && HALF_PAIR.test(own.renewalError))
    return wrong('services.certificate', name, {
      symptom: 'identity_broken',
      summary:
        'what lies in its identity folder is no whole key pair; it goes on with the last whole one, and cannot start anew',
      cause: own.renewalError,
      command:
        mendIn(own.renewalError)?.replace('<name>', name) ?? `fedctl cert issue ${name} --kind service --out <folder>`,
    })
  if (own.renewalError !== '' || left < life / 10)
    return eye('services.certificate', name, {
      symptom: 'certificate_expiring',
      summary: `its certificate runs out in ${lasting(left)}`,
      cause: own.renewalError || 'it was not renewed in time',
      command,
    })
  return []
}

const database: Part = (name, { database: own }) => {
  if (!own) return []
  if (!own.reachable)
    return wrong('services.database', name, {
      symptom: 'database_down',
      summary: 'it does not reach its database',
      cause: own.detail,
      command: 'pg_isready',
    })
  if (own.schemaVersion !== own.expectedSchemaVersion)
    return wrong('services.schema', name, {
      symptom: 'schema_behind',
      summary: `its schema is ${own.schemaVersion || 'empty'}, and the code knows ${own.expectedSchemaVersion}`,
      cause: 'migrations were not run, or another release ran them',
      command: 'npm run -s prepare-platform',
    })
  const offset = msOf(own.clockOffset) ?? 0
  if (Math.abs(offset) < CLOCK_MS) return []
  return wrong('clock.database', name, {
    symptom: 'clock_wrong_here',
    summary: `the clock of its database is ${lasting(offset)} ${offset > 0 ? 'ahead' : 'behind'}`,
    cause: 'the two machines do not keep the same time',
    command: 'chronyc tracking',
  })
}

const clock: Part = (name, { now: theirs }, { now, roundTripMs }) => {
  const offset = -(since(theirs, now) ?? 0)
  if (Math.abs(offset) < CLOCK_MS + roundTripMs) return []
  return wrong('clock.services', name, {
    symptom: 'clock_wrong_here',
    summary: `its clock is ${lasting(offset)} ${offset > 0 ? 'ahead of' : 'behind'} the one that asks`,
    cause: 'one of the two machines does not keep the time',
    command: 'chronyc tracking',
  })
}

const disks: Part = (name, { disks: all }) =>
  all.flatMap(({ path, freeBytes, totalBytes, what }) => {
    const share = totalBytes > 0n ? Number(freeBytes) / Number(totalBytes) : 1
    if (share >= DISK_WARNING) return []
    const trouble = {
      symptom: 'disk_full',
      summary: `${Math.floor(share * 100)} % is free for ${what || path}`,
      cause: `${freeBytes} of ${totalBytes} bytes${path && ` on ${path}`}; a log that cannot be written refuses every call`,
      command: path ? `df -h ${path}` : 'df -h',
    } as const
    return share < DISK_FULL ? wrong('disk.free', name, trouble) : eye('disk.free', name, trouble)
  })

const bus: Part = (name, { bus: own }) =>
  !own || own.connected
    ? []
    : wrong('events.bus', name, {
        symptom: 'bus_down',
        summary: 'it is not connected to NATS: nobody hears its news',
        cause: own.detail,
        command: 'systemctl status powernode-nats',
      })

const outbox: Part = (name, { outbox: own }, { now }) => {
  const late = since(own?.oldestAt, now) ?? 0
  if (!own || own.waiting === 0n || late < OUTBOX_LATE_MS) return []
  const trouble = {
    summary: `${own.waiting} announcements wait in its outbox, the oldest for ${lasting(late)}`,
    cause: 'its relay does not get them to NATS',
    command: 'systemctl status powernode-nats',
  }
  return late < OUTBOX_STUCK_MS
    ? eye('events.outbox', name, { symptom: 'outbox_lag', ...trouble })
    : wrong('events.outbox', name, { symptom: 'events_stuck', ...trouble })
}

const consumers: Part = (name, { consumers: all }) =>
  all.flatMap(({ name: consumer, pending, deadLetters, detail }) => [
    ...(pending > MANY_WAITING
      ? eye('events.consumers', name, {
          symptom: 'consumer_behind',
          summary: `${consumer} has ${pending} messages to go`,
          cause: detail || 'more comes than it handles, or it fails again and again: its log says which',
          command: `journalctl -u powernode@${name}`,
        })
      : []),
    ...(deadLetters > 0n
      ? eye('events.dead_letters', name, {
          symptom: 'dead_letters',
          summary: `${consumer} has put ${deadLetters} messages aside for good`,
          cause: detail || 'they could not be read, or were refused',
          command: `journalctl -u powernode@${name}`,
        })
      : []),
  ])

type Ours = Omit<Trouble, 'side'>
type At = Parameters<typeof failed>[0]

const wrong = (at: At, name: string, trouble: Ours): Check[] => [failed(at, named(name, trouble))]
const eye = (at: At, name: string, trouble: Ours): Check[] => [warning(at, named(name, trouble))]
const named = (name: string, trouble: Ours): Trouble => ({
  ...trouble,
  summary: `${name}: ${trouble.summary}`,
  side: 'us',
})
