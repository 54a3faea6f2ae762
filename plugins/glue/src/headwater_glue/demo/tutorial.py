"""The main job, end to end: read this as the tutorial.

A model predicts whether a house is worth more than the median. Acme runs it in production and
logs its predictions to S3; Glue knows the tables. We are another company: all that we hold is a
signed token of our own identity provider, and the ARN of a role that Acme let us assume with it.

Acme's account is played by the emulator in `headwater_aws.testing`, which is strict about tokens,
roles and permissions, and is not AWS. Everything else is what you would write yourself.
"""

from __future__ import annotations

from datetime import datetime

import headwater as hw
from headwater.changes.changes import Changes
from headwater_aws.testing import Emulator
from headwater_glue import GlueDataSource, OidcRole
from headwater_glue.demo import account
from headwater_glue.demo.stage import Stage
from headwater_monitor import Report, report

FEATURES = (
    "MedInc",
    "HouseAge",
    "AveRooms",
    "AveBedrms",
    "Population",
    "AveOccup",
    "Latitude",
    "Longitude",
)

SERVING = """
SELECT id AS prediction_id,
       timestamp AS predicted_at,
       y_pred = 1 AS expensive,
       y_pred_proba AS proba,
       medinc, houseage, averooms, avebedrms, population, aveoccup, latitude, longitude
FROM predictions
""".strip()

ACTUALS = "SELECT id AS prediction_id, labelled_at, clf_target = 1 AS was_expensive FROM actuals"

TRAINING = """
SELECT id AS prediction_id,
       timestamp AS predicted_at,
       y_pred = 1 AS expensive,
       y_pred_proba AS proba,
       clf_target = 1 AS was_expensive,
       medinc, houseage, averooms, avebedrms, population, aveoccup, latitude, longitude
FROM training
""".strip()


FIRST, LAST = "2021-06-01", "2022-06-01"
"""The months that are watched."""


def run(stage: Stage, *, engine: str = "auto") -> Report:
    """Do the main job, showing each step.

    Args:
        stage: Where the steps are shown.
        engine: Which engine reads: `auto`, `embedded` or `spark`.

    Returns:
        The report of every month.
    """
    with Emulator() as aws, hw.Workspace(engine=engine) as workspace:
        stage.step("Acme's account: 343 days of predictions, actuals, a training set, a role")
        role = account.build(aws)
        stage.show(f"role {role}, which trusts {aws.issuer.url} for {account.SUBJECT!r} alone")

        stage.step("Connect: who we are, where the tables are, how they feed the model")

        def our_token() -> str:
            return aws.issuer.token(sub=account.SUBJECT, aud="sts.amazonaws.com")

        identity = OidcRole(role_arn=role, token=our_token)

        def glue(query: str) -> GlueDataSource:
            return GlueDataSource(
                database=account.DATABASE,
                query=query,
                region=account.REGION,
                auth=identity,
                endpoint_url=aws.endpoint_url,
                partitions={
                    "predictions": hw.TimePartition(column="timestamp", keys={"dt": "yyyy-MM-dd"})
                },
            )

        workspace.create_model("housing", "Is this house worth more than the median?")
        version = workspace.create_model_version(
            model_id="housing",
            model_version="v1",
            model_type="binary",
            features=dict.fromkeys(FEATURES, "numeric"),
            predictions={"expensive": "boolean", "proba": "numeric"},
        )
        serving = version.connect_serving(
            data_source=glue(SERVING),
            id_column="prediction_id",
            timestamp_column="predicted_at",
        )
        version.connect_actuals(
            data_source=glue(ACTUALS),
            id_column="prediction_id",
            timestamp_column="labelled_at",
            labels={"expensive": "was_expensive"},
            horizon="45 days",
        )
        training = version.connect_training(
            data_source=glue(TRAINING),
            id_column="prediction_id",
            timestamp_column="predicted_at",
            labels={"expensive": "was_expensive"},
        )
        stage.show(f"{len(workspace.connections)} connections: {', '.join(workspace.connections)}")

        stage.step("Discover: what is in the catalog")
        with serving.source.access() as access:
            catalog = serving.source.catalog(access)
            for table in catalog.tables(account.DATABASE):
                stage.table(catalog.table(hw.TableName(account.DATABASE, table)))

        stage.step("Check: does it work, stage by stage")
        stage.show(str(serving.check("2021-10-01", "2021-10-08")))

        stage.step("Plan: October 2021; no data is read")
        stage.show(serving.plan("2021-10-01", "2021-11-01", as_of=account.NOW).explain())

        stage.step("Read: October 2021, its actuals joined")
        october = serving.read("2021-10-01", "2021-11-01", as_of=account.NOW)
        stage.rows(october.to_arrow(), october.stats)

        stage.step("Monitor: every month against training")
        reference = training.profile()
        edges = reference.edges()  # where training's values lie: the same bins for every month
        ledger = hw.Ledger()  # what was handed over; keep it in a file, or in your own database
        months: dict[hw.Window, hw.Profile] = {}

        def count_what_changed(now: datetime) -> Changes:
            """Count again the months that are new, or no longer what they were."""
            changes = serving.changes(
                FIRST, LAST, every="1 month", ledger=ledger, now=now, partial=True
            )
            with changes:
                for change in changes:
                    for _ in change.read():  # so that the ledger knows what it was
                        pass
                    change.done()
            changed = [change.window for change in changes]
            counted = serving.profile(
                changed[0].start, changed[-1].end, every="1 month", edges=edges, as_of=now
            )
            months.update(
                (window, part) for window, _, part in counted.parts() if window in changed
            )
            return changes

        def judged(now: datetime) -> Report:
            """Drift and performance of all months: of counts, no row is read for it."""
            profile = sum(months.values(), start=hw.Profile.empty(edges))
            maturity = serving.maturity(FIRST, LAST, as_of=now)  # of each day
            return report(profile, reference, maturity=maturity, title="California housing")

        count_what_changed(account.NOW)
        first = judged(account.NOW)
        stage.report(first)

        stage.step("A week later, more labels are there: read only what changed")
        account.land_labels(aws)
        changes = count_what_changed(account.NEXT_WEEK)
        stage.changes(changes, first, judged(account.NEXT_WEEK))

        stage.keep(
            training.read().to_arrow(), serving.read("2021-10-01", "2021-11-01", as_of=account.NOW)
        )
        return first
