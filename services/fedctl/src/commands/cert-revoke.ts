import { Command } from '@commander-js/extra-typings'
import { CertificateKind, CertificateSchema, type Certificate } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, reason, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { certificateTable } from '../render/certificate-table.ts'
import { DRY_RUN } from '../render/changed.ts'
import type { Session } from '../session.ts'

type Said = { readonly reason: string; readonly dryRun: boolean }

export const certRevoke = (run: Run) =>
  new Command('revoke')
    .description('refuse a certificate, or all of an identity, from now on, also on connections that are open')
    .argument(
      '<serial or identity>',
      'a serial (see: fedctl cert list), or operator/<name>, service/<name> or instance/<uuid> for all of its certificates',
    )
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, what, options) => {
        if (!options.dryRun)
          await session.confirm(`Revoke ${what.includes('/') ? 'every certificate of' : 'certificate'} ${what}?`)
        const said = { reason: options.reason, dryRun: options.dryRun === true }
        const certificates = await revoke(session, what, said)
        return {
          data: { dry_run: said.dryRun, certificates: certificates.map((one) => plain(CertificateSchema, one)) },
          text: (canvas) => `${said.dryRun ? `${DRY_RUN}\n` : ''}${certificateTable(certificates, canvas)}`,
        }
      }),
    )

async function revoke({ clients }: Session, what: string, said: Said): Promise<Certificate[]> {
  const [, kind, name = ''] = /^(operator|service|instance)\/(.+)$/.exec(what) ?? []
  if (kind === undefined) {
    const { certificate } = await clients.authority.revokeCertificate({ ...said, serial: what.toLowerCase() })
    return certificate ? [certificate] : []
  }
  return (await clients.authority.revokeIdentity({ ...said, kind: KINDS[kind] ?? CertificateKind.UNSPECIFIED, name }))
    .certificates
}

const KINDS: Readonly<Record<string, CertificateKind>> = {
  operator: CertificateKind.OPERATOR,
  service: CertificateKind.SERVICE,
  instance: CertificateKind.INSTANCE,
}
