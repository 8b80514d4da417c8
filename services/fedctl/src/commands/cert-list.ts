import { Command, Option } from '@commander-js/extra-typings'
import { CertificateKind, CertificateSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { plain } from '../plain.ts'
import { certificateTable } from '../render/certificate-table.ts'
import { valueOf, wordsOf } from '../render/words.ts'

export const certList = (run: Run) =>
  new Command('list')
    .description("the CA's certificates: services, operators, peers")
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(wordsOf(CertificateKind)))
    .option('--all', 'expired ones too')
    .action(
      run(async (session, { kind, all }) => {
        const filter = { includeExpired: all === true, ...(kind && { kind: valueOf(CertificateKind, kind) }) }
        const certificates = await allPages(
          (pageToken) => session.clients.authority.listCertificates({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.certificates,
        )
        return {
          data: { certificates: certificates.map((certificate) => plain(CertificateSchema, certificate)) },
          text: (canvas) => certificateTable(certificates, canvas),
        }
      }),
    )
