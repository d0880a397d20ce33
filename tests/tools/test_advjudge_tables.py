"""advjudge takes over tables of people's answers."""

import io

import pytest
from chat_server import write_attacked
from commands import inside
from sevenclasses import refused, rows

from advlib.humans.judgements import picture_digest, read_judgements
from advlib.shards.reader import open_set
from advlib.shards.sources.cifar import CIFAR10_NAMES

RAW = """annotator_id,trial_index,is_attn_check,true_category,chosen_category,true_label,\
chosen_label,correct_guess,cifar10_test_test_idx,image_filename,trial_type,reaction_time,time_elapsed
0,0,0,cat,dog,3,5,0,3,cat_s_000001.png,image-categorization,1734.2,2000
0,1,1,ship,ship,8,8,1,-99999,boat_s_000002.png,image-categorization,1011,4000
0,2,0,bird,bird,2,2,1,9999,bird_s_000009.png,image-categorization,-5,6000
1,0,0,cat,cat,3,3,1,3,cat_s_000001.png,image-categorization,900,1000
"""
TOOLBOX = """subj,session,trial,rt,object_response,category,condition,imagename
subject-01,1,1,0.75,dog,cat,cr,0001_cl_s01_cr_cat_10_n1.png
subject-01,2,1,NaN,na,dog,nc,0002_cl_s01_nc_dog_10_n2.png
resnet50,1,2,NaN,dog,dog,nc,0002_cl_s01_nc_dog_10_n2.png
"""


@pytest.fixture
def folder(tmp_path):
    write_attacked(tmp_path)
    (tmp_path / "raw.csv").write_text(RAW)
    (tmp_path / "toolbox.csv").write_text(TOOLBOX)
    return tmp_path


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def read(text, classes=None):
    return read_judgements([("out.csv", io.BytesIO(text.encode()))], classes=classes)


def test_cifar10h_becomes_judgements(run):
    judged = read(run("advjudge cifar10h:raw.csv -q").stdout, CIFAR10_NAMES)
    assert judged.judges() == ["0", "1"] and judged.kind("0") == "human"
    answers = judged.by_image("clean")
    first = answers["000000003"]["0"]
    assert (first.label, first.guess, first.seconds, first.order) == ("cat", "dog", 1.7342, 0)
    assert answers["000009999"]["0"].seconds is None  # a clock that ran backwards
    (check,) = judged.checks
    assert (check.image, check.guess, check.seconds) == ("boat_s_000002.png", "ship", 1.011)


def test_with_a_set_answers_are_to_its_images_alone(run):
    done = run("advjudge cifar10h:raw.csv attacked")
    judged = read(done.stdout, CIFAR10_NAMES)
    assert list(judged.by_image("clean")) == ["000000003"]
    answer = judged.by_image("clean")["000000003"]["1"]
    pixels = open_set("attacked").read([3]).image[0]
    assert (answer.prediction, answer.picture) == ("cat", picture_digest(pixels.tobytes()))
    assert len(judged.checks) == 1
    assert "raw.csv: 1 answers to images that attacked lacks" in done.stderr


def test_answers_to_other_images_are_refused(run, folder):
    (folder / "raw.csv").write_text(RAW.replace("cat,dog,3,5", "dog,dog,3,5"))
    said = "raw.csv:2: image 000000003 is 'dog', in attacked 'cat'"
    refused(run, "advjudge cifar10h:raw.csv attacked -q -o x.csv", said, folder)


def test_the_toolboxs_table_becomes_judgements_and_again_itself(run):
    judged = read(run("advjudge model-vs-human:toolbox.csv -q").stdout)
    assert [judged.kind(judge) for judge in judged.judges()] == ["human", "model"]
    first, second, third = judged.answers
    assert (first.guess, first.label, first.seconds) == ("dog", "cat", 0.75)
    assert (first.more["stimuli"], first.more["session"]) == ("cr", "1")
    assert (second.guess, second.status, second.seconds) == ("", "skipped", None)
    assert (third.judge, third.order) == ("resnet50", 1)
    again = run("advjudge model-vs-human:toolbox.csv -q --format model-vs-human").stdout
    assert again == TOOLBOX


def test_any_table_is_read_by_its_columns(run, folder):
    (folder / "own.csv").write_text("who,which,truth,said,rt\nann,3,cat,dog,1.5\n")
    columns = "judge=who,image=which,label=truth,guess=said,seconds=rt"
    out = run(f"advjudge table:own.csv attacked --columns {columns} -q").stdout
    (row,) = rows(out)
    assert (row["image"], row["judge"], row["guess"]) == ("000000003", "ann", "dog")
    assert (row["seconds"], row["condition"], row["prediction"]) == ("1.5", "adversarial", "dog")


def test_what_a_table_lacks_comes_from_a_name_and_the_set(run, folder):
    (folder / "own.csv").write_text("\nwhich,said\n3,dog\n77,cat\n4,\n")
    columns = "--columns image=which,guess=said"
    out = run(f"advjudge table:own.csv attacked {columns} --name ann -q").stdout
    table = rows(out)
    assert [row["image"] for row in table] == ["000000003", "000000004"]
    assert {row["judge"] for row in table} == {"ann"}
    assert [row["label"] for row in table] == ["cat", "deer"]
    assert [row["status"] for row in table] == ["answered", "skipped"]
    (folder / "own.csv").write_text("\nwhich,said\n3,dog\n77,cat\n4,tiger\n")
    line = f"advjudge table:own.csv attacked {columns} --name ann -q -o x.csv"
    refused(run, line, "own.csv:5: column 'guess': unknown class 'tiger'", folder)


WRONG = {
    "cifar10h:toolbox.csv": "toolbox.csv:1: no column 'annotator_id'",
    "cifar10h:nowhere.csv": "nowhere.csv: No such file",
    "cifar10h": "judge: found 'cifar10h'; expected a name behind cifar10h:",
    "model-vs-human:raw.csv": "raw.csv:1: no column 'subj'",
    "cifar10h:short.csv": "short.csv:3: 2 cells; expected 13",
    "cifar10h:words.csv": "words.csv:2: column 'reaction_time': found 'soon'; expected a number",
    "cifar10h:bytes.csv": "bytes.csv: not UTF-8 text",
    "cifar10h:raw.csv digits": "image 000000003",
    "table:raw.csv": "raw.csv:1: no column 'image'",
    "cifar10h:raw.csv --condition clean": "--condition: is for another judge: chat:MODEL or",
    "cifar10h:raw.csv --columns a=b": "--columns: is for another judge: table:FILE",
    "cifar10h:raw.csv --name me": "--name: is for another judge",
    "table:judged.csv --name me": "--name: judged.csv names its judges, in the column 'judge'",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(run, folder, line):
    lines = RAW.splitlines()
    (folder / "judged.csv").write_text("image,judge,label,guess\n1,ann,cat,cat\n")
    (folder / "short.csv").write_text(f"{lines[0]}\n{lines[1]}\n1,2\n")
    (folder / "words.csv").write_text(f"{lines[0]}\n{lines[1].replace('1734.2', 'soon')}\n")
    (folder / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    if line.endswith("digits"):
        run("advpack digits --split test --renumber -q -o digits")
    refused(run, f"advjudge {line} -q -o out.csv", WRONG[line], folder)
