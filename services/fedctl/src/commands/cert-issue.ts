import { resolve } from 'node:path'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command, Option } from '@commander-js/extra-typings'
import { createCsr, pemToDer, tlsContentOf, writeTlsFiles } from '@powernode/identity'
import { CertificateKind, CertificateSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { findOperator } from '../known-operator.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { certificateTable } from '../render/certificate-table.ts'
import { DRY_RUN } from '../render/changed.ts'
import type { Session } from '../session.ts'
import { collect, durationMs } from '../values.ts'

const KINDS = {
  operator: CertificateKind.OPERATOR,
  service: CertificateKind.SERVICE,
  instance: CertificateKind.INSTANCE,
} as const

/** The key is made here and never leaves the folder: the CA sees a request signed with it. */
export const certIssue = (run: Run) =>
  new Command('issue')
    .description(
      'a certificate for an operator, a service or a node (instance): cert.pem, key.pem and roots.pem in a folder',
    )
    .argument('<name>', 'last part of its SPIFFE id: alice, liveness, the uuid of a node')
    .requiredOption('--out <folder>', 'where the files go; made when missing')
    .addOption(new Option('--kind <kind>', 'for whom').choices(Object.keys(KINDS)).default('operator'))
    .option('--host <host>', 'a name or address the service answers under; can be repeated', collect)
    .addOption(
      new Option(
        '--ttl <duration>',
        'how long it is good for (default: 90d for an operator, 7d else, unless peer-registry is told otherwise)',
      ).argParser(durationMs),
    )
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        const { authority } = session.clients
        const { csrDer, privateKeyPkcs8Der } = await createCsr()
        const [{ certificate, chain }, { rootsPem }] = await Promise.all([
          authority.issueCertificate({
            kind: KINDS[options.kind as keyof typeof KINDS],
            name,
            csrDer,
            hosts: options.host ?? [],
            ...(options.ttl !== undefined && { ttl: durationFromMs(options.ttl) }),
            dryRun: options.dryRun === true,
          }),
          authority.getAuthority({}),
        ])
        if (!certificate) throw new Error('the CA answered without a certificate')
        const folder = resolve(session.env.cwd, options.out)
        if (!options.dryRun)
          writeTlsFiles(folder, tlsContentOf({ chain, privateKeyPkcs8Der, roots: pemToDer(rootsPem, 'CERTIFICATE') }))
        const next = certificate.kind === CertificateKind.OPERATOR ? await stillToDo(session, name) : ''
        return {
          data: { dry_run: options.dryRun === true, folder, certificate: plain(CertificateSchema, certificate), next },
          text: (canvas) => {
            const head = options.dryRun ? DRY_RUN : `written to ${folder}`
            const tail = next && `\n\n${name} may do nothing yet; next  ${canvas.paste(next)}`
            return `${head}\n\n${certificateTable([certificate], canvas)}${tail}`
          },
        }
      }),
    )

/** A certificate says who somebody is, and a role what he may do: the command that gives the first, when there is none. */
async function stillToDo(session: Session, name: string): Promise<string> {
  try {
    return (await findOperator(session, name)) ? '' : `fedctl operator set ${name} --role viewer`
  } catch {
    return '' // a certificate is issued also while nobody can say who may do what
  }
}
