"""Effects from any table: designs that compare before and after, areas, periods or persons.

One module a design takes an analyst's table (`ennakointi.effect` gathers them); the arrays behind it are beside:

- door and record: `frames`, `unit_panels`, `person_tables`; `estimates`
- one series: `its` (`interrupted`, `segmented`, `discontinuity`), `bsts` (`structural`, `spike_slab`)
- units with one start: `did` (`did_comparison`, `two_way`, `randomised`, `did_checks`), `repeated_samples`
- units with several starts: `staggered` (`group_time`, `two_period`, `aggregation`, `bands`, `adoption`, `sun_abraham`)
- weighted mixes of donors: `synthetic_control` (`predictor_weights`, `placebos`), `synthetic_did` (`did_weights`,
  `did_inference`); both: `donor_pool`, `donor_checks`, `simplex`
- persons: `enrolled` (`weighting`, `survival`, `person_checks`), `sensitivity`
- parting trends: `honest` (`honest_smoothness`, `honest_relative`)
- the county's roll-outs on log rates: `areas`, `rollout` (`difference`, `randomisation`), `event_time`
"""
