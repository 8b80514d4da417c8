import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { bridgeActivate } from '../commands/bridge-activate.ts'
import { bridgeList } from '../commands/bridge-list.ts'
import { bridgePropose } from '../commands/bridge-propose.ts'
import { bridgeResume } from '../commands/bridge-resume.ts'
import { bridgeRevoke } from '../commands/bridge-revoke.ts'
import { bridgeSuspend } from '../commands/bridge-suspend.ts'
import { capabilityList } from '../commands/capability-list.ts'
import { capabilitySet } from '../commands/capability-set.ts'
import { grantCheck } from '../commands/grant-check.ts'
import { grantCreate } from '../commands/grant-create.ts'
import { grantList } from '../commands/grant-list.ts'
import { grantReceived } from '../commands/grant-received.ts'
import { grantRenew } from '../commands/grant-renew.ts'
import { grantRevoke } from '../commands/grant-revoke.ts'
import { grantSettings } from '../commands/grant-settings.ts'
import { grantShow } from '../commands/grant-show.ts'
import { grantUpdate } from '../commands/grant-update.ts'
import { residencyMode } from '../commands/residency-mode.ts'
import { residencyOverrideCreate } from '../commands/residency-override-create.ts'
import { residencyOverrideList } from '../commands/residency-override-list.ts'
import { residencyOverrideRevoke } from '../commands/residency-override-revoke.ts'
import { residencyRegionRemove } from '../commands/residency-region-remove.ts'
import { residencyRegionSet } from '../commands/residency-region-set.ts'
import { residencyRules } from '../commands/residency-rules.ts'
import { residencySet } from '../commands/residency-set.ts'
import { residencyShow } from '../commands/residency-show.ts'
import { residencyWhatIf } from '../commands/residency-what-if.ts'
import { resourceKinds } from '../commands/resource-kinds.ts'
import { resourceList } from '../commands/resource-list.ts'
import { resourcePut } from '../commands/resource-put.ts'
import { resourceRemove } from '../commands/resource-remove.ts'
import { resourceShow } from '../commands/resource-show.ts'
import { resourceUpdate } from '../commands/resource-update.ts'
import { resourceWatch } from '../commands/resource-watch.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** What crosses the border: leave to do something, where data may go, and the resources themselves. */
export const borderNouns = (run: Run): CommandUnknownOpts[] => [
  noun('grant', 'what peers may do here, and what they let us do')
    .addCommand(grantCreate(run))
    .addCommand(grantList(run))
    .addCommand(grantShow(run))
    .addCommand(grantUpdate(run))
    .addCommand(grantRenew(run))
    .addCommand(grantRevoke(run))
    .addCommand(grantCheck(run))
    .addCommand(grantReceived(run))
    .addCommand(grantSettings(run)),
  noun('bridge', 'on which of our networks a peer may be met')
    .addCommand(bridgePropose(run))
    .addCommand(bridgeList(run))
    .addCommand(bridgeActivate(run))
    .addCommand(bridgeSuspend(run))
    .addCommand(bridgeResume(run))
    .addCommand(bridgeRevoke(run)),
  noun('capability', 'how resources of a kind travel between a peer and us')
    .addCommand(capabilityList(run))
    .addCommand(capabilitySet(run)),
  noun('residency', 'where data may go')
    .addCommand(residencySet(run))
    .addCommand(residencyShow(run))
    .addCommand(residencyRules(run))
    .addCommand(
      noun('region', 'the places there are, and which lies in which')
        .addCommand(residencyRegionSet(run))
        .addCommand(residencyRegionRemove(run)),
    )
    .addCommand(residencyMode(run))
    .addCommand(residencyWhatIf(run))
    .addCommand(
      noun('override', 'one call that residency forbids, allowed once')
        .addCommand(residencyOverrideCreate(run))
        .addCommand(residencyOverrideList(run))
        .addCommand(residencyOverrideRevoke(run)),
    ),
  noun('resource', 'our own catalogue; with --peer what a peer shows us of its own')
    .addCommand(resourceKinds(run))
    .addCommand(resourceList(run))
    .addCommand(resourceShow(run))
    .addCommand(resourcePut(run))
    .addCommand(resourceRemove(run))
    .addCommand(resourceUpdate(run))
    .addCommand(resourceWatch(run)),
]
