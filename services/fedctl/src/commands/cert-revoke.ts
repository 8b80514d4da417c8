import { Command } from '@commander-js/extra-typings'
import { CertificateSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, reason, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { certificateTable } from '../render/certificate-table.ts'
import { DRY_RUN } from '../render/changed.ts'

export const certRevoke = (run: Run) =>
  new Command('revoke')
    .description('refuse a certificate from now on, also on connections that are open')
    .argument('<serial>', 'see: fedctl cert list')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, serial, options) => {
        if (!options.dryRun) await session.confirm(`Revoke certificate ${serial}?`)
        const said = { serial: serial.toLowerCase(), reason: options.reason, dryRun: options.dryRun === true }
        const { certificate } = await session.clients.authority.revokeCertificate(said)
        if (!certificate) throw new Error('the CA answered without a certificate')
        return {
          data: { dry_run: said.dryRun, certificate: plain(CertificateSchema, certificate) },
          text: (canvas) => `${said.dryRun ? `${DRY_RUN}\n` : ''}${certificateTable([certificate], canvas)}`,
        }
      }),
    )
