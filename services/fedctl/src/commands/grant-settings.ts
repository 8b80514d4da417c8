import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { GrantSettingsSchema, type GrantSettings } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, SCOPES, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { settingsSheet } from '../render/grants.ts'
import { collect, durationMs, listedOf } from '../values.ts'
import { present, written } from '../written.ts'

type Settings = Omit<GrantSettings, '$typeName' | '$unknown'>

export const grantSettings = (run: Run) =>
  new Command('settings')
    .description('what the platform gives by itself, and how far an operator may go; --set changes it')
    .option('--set <name=value>', 'for example longest_ttl=90d; can be repeated', collect)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, options) => {
        const { grants } = session.clients
        const before = present((await grants.getGrantSettings({})).settings, 'settings')
        const changes = options.set ?? []
        if (changes.length === 0)
          return {
            data: { settings: plain(GrantSettingsSchema, before) },
            text: (canvas) => settingsSheet(before, canvas),
          }
        const wanted = create(GrantSettingsSchema, changes.reduce(changed, before))
        const answer = await grants.setGrantSettings({ settings: wanted, dryRun: options.dryRun === true })
        const after = present(answer.settings, 'settings')
        return written({
          dryRun: options.dryRun,
          data: { settings: plain(GrantSettingsSchema, after) },
          text: (canvas) => settingsSheet(after, canvas),
        })
      }),
    )

const lasts = (text: string) => durationFromMs(readAs(durationMs, text))

/** How each setting is read from what was typed. */
const READ: Readonly<Record<string, (text: string) => Partial<Settings>>> = {
  default_ttl: (text) => ({ defaultTtl: lasts(text) }),
  managed_child_ttl: (text) => ({ managedChildTtl: lasts(text) }),
  longest_ttl: (text) => ({ longestTtl: lasts(text) }),
  remind_before: (text) => ({ remindBefore: lasts(text) }),
  strict_axes: (text) => ({ strictAxes: yesOrNo(text) }),
  operator_grant: (text) => ({ operatorGrant: yesOrNo(text) }),
  operator_grant_scopes: (text) => ({ operatorGrantScopes: text === '' ? [] : readAs(listedOf(SCOPES), text) }),
}

function changed(settings: Settings, text: string): Settings {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(text) ?? []
  const read = Object.hasOwn(READ, name.replaceAll('-', '_')) ? READ[name.replaceAll('-', '_')] : undefined
  if (!read) throw usage(`"${text}" sets nothing there is`, `--set name=value, of ${Object.keys(READ).join(', ')}`)
  return { ...settings, ...read(value) }
}

function yesOrNo(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw usage(`"${text}" is neither true nor false`)
}

/** What a reader of options complains of, as the misuse it is. */
function readAs<T>(read: (text: string) => T, text: string): T {
  try {
    return read(text)
  } catch (cause) {
    throw usage(`"${text}": ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
