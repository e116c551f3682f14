//! Readers of MNIST's and CIFAR-10's files: every layout they accept, every kind of damage they name. MAT-files have a test
//! of their own, `mat.rs`; so have sets of pictures, and what no reader may do whatever it is given, `hostile.rs`.

use crate::common::asked::asked;
use crate::common::files::{cifar, failure, gz, put, read};
use crate::common::idx::idx;
use crate::common::says::says;
use gansaku::config::{Data, Source};
use gansaku::data::{Shape, Values, load};
use std::path::Path;
use tempfile::tempdir;

// ---- IDX ----

/// Three training images of 2×3 and two test images.
fn mnist(folder: &Path, ending: &str, pack: fn(&[u8]) -> Vec<u8>) {
    let body: Vec<u8> = (0..18).collect();
    put(folder, &format!("train-images-idx3-ubyte{ending}"), &pack(&idx(&[3, 2, 3], &body)));
    put(folder, &format!("train-labels-idx1-ubyte{ending}"), &pack(&idx(&[3], &[7, 0, 9])));
    put(folder, &format!("t10k-images-idx3-ubyte{ending}"), &pack(&idx(&[2, 2, 3], &body[..12])));
    put(folder, &format!("t10k-labels-idx1-ubyte{ending}"), &pack(&idx(&[2], &[1, 2])));
}

#[test]
fn idx_is_read_flat_or_as_torchvision_lays_it_out_plain_or_packed() {
    for (below, ending, pack) in [
        ("", "", <[u8]>::to_vec as fn(&[u8]) -> Vec<u8>),
        ("MNIST/raw", ".gz", gz),
        ("FashionMNIST/raw", "", <[u8]>::to_vec),
    ] {
        for source in [Source::Idx, Source::Auto] {
            let folder = tempdir().expect("a folder");
            mnist(&folder.path().join(below), ending, pack);
            let data = read(source, folder.path()).expect("whole data");
            assert_eq!(data.shape, Shape { channels: 1, height: 2, width: 3 });
            assert_eq!((data.train.count, data.test.count, data.classes), (3, 2, 10));
            assert_eq!(data.train.values, Values::U8((0..18).collect()));
            assert_eq!(data.train.labels, Some(vec![7, 0, 9]));
            assert_eq!(data.numbers(&data.train, 1)[0], 6.0 * (1.0 / 255.0));
        }
    }
}

#[test]
fn splits_come_from_the_training_file() {
    let folder = tempdir().expect("a folder");
    mnist(folder.path(), "", <[u8]>::to_vec);
    let mut config = asked(Source::Idx, folder.path());
    (config.train, config.valid) = (Some([0, 2]), Some([2, 3]));
    let data = load(&config, 0).expect("whole data");
    assert_eq!((data.train.count, data.valid.count), (2, 1));
    assert_eq!(data.valid.values, Values::U8((12..18).collect()));
    config.train = None;
    config.valid = Some([1, 2]);
    let data = load(&config, 0).expect("whole data");
    assert_eq!(
        data.train.values,
        Values::U8((0..6).chain(12..18).collect()),
        "what is kept is not trained on"
    );
    assert_eq!((data.train.labels, data.valid.labels), (Some(vec![7, 9]), Some(vec![0])));
    config.valid = Some([0, 3]);
    says(&failure(load(&config, 0)), &["data.valid is [0, 3]", "none are left to train on"]);
    config.train = Some([0, 50_000]);
    says(
        &failure(load(&config, 0)),
        &["data.train is [0, 50000]", "3 training examples", "--set data.train"],
    );
}

#[test]
fn where_no_file_is_for_testing_a_share_is_held_out() {
    let folder = tempdir().expect("a folder");
    // Every picture and label is its own number.
    let body: Vec<u8> = (0..50).flat_map(|i| [i; 4]).collect();
    put(folder.path(), "train-images-idx3-ubyte", &idx(&[50, 2, 2], &body));
    put(folder.path(), "train-labels-idx1-ubyte", &idx(&[50], &(0..50).collect::<Vec<_>>()));
    let with =
        |share| load(&Data { hold_out: share, ..asked(Source::Idx, folder.path()) }, 0).expect("sound");
    let whole = with(0.0);
    assert_eq!([whole.train.count, whole.test.count], [50, 0]);
    let data = read(Source::Idx, folder.path()).expect("sound");
    assert_eq!([data.train.count, data.test.count], [45, 5], "a tenth, unless asked for more");
    says(&data.notes.join("; "), &["5 of 50 are held out", "data.hold_out"]);
    let data = with(0.5);
    let labels = [&data.train, &data.test].map(|split| split.labels.clone().expect("labelled"));
    assert!(labels.iter().all(|l| l.len() == 25 && !l.is_sorted()), "by a shuffle: {labels:?}");
    for (split, labels) in [&data.train, &data.test].into_iter().zip(&labels) {
        let Values::U8(bytes) = &split.values else { panic!("pictures are bytes") };
        assert!(bytes.chunks(4).zip(labels).all(|(picture, label)| picture == [*label; 4]));
    }
    let mut all = labels.concat();
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<_>>(), "each once");
    // Test images of the files' own stay.
    mnist(folder.path(), "", <[u8]>::to_vec);
    assert_eq!([with(0.5).train.count, with(0.5).test.count], [3, 2]);
}

#[test]
fn a_part_of_a_file_sorted_by_class_has_its_classes() {
    let folder = tempdir().expect("a folder");
    // Ten classes of a hundred pictures each, one behind the other.
    let labels: Vec<u8> = (0..10).flat_map(|class| [class; 100]).collect();
    let body: Vec<u8> = labels.iter().flat_map(|&l| [l; 4]).collect();
    put(folder.path(), "train-images-idx3-ubyte", &idx(&[1000, 2, 2], &body));
    put(folder.path(), "train-labels-idx1-ubyte", &idx(&[1000], &labels));
    put(folder.path(), "t10k-images-idx3-ubyte", &idx(&[1000, 2, 2], &body));
    put(folder.path(), "t10k-labels-idx1-ubyte", &idx(&[1000], &labels));
    let data = read(Source::Idx, folder.path()).expect("sound");
    for split in [&data.train, &data.test] {
        let mut order: Vec<usize> = split.shuffled(0..1000).collect();
        let mut classes = [0; 10];
        order[..200].iter().for_each(|&i| classes[usize::from(labels[i])] += 1);
        assert!(classes.iter().all(|c| (8..40).contains(c)), "about twenty of each: {classes:?}");
        assert_eq!(
            split.shuffled(150..200).collect::<Vec<_>>(),
            order[150..200],
            "one order, wherever it begins"
        );
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>(), "each once");
    }
}

#[test]
fn damaged_idx_is_named_with_its_offset() {
    let with = |name: &str, bytes: &[u8]| {
        let folder = tempdir().expect("a folder");
        mnist(folder.path(), "", <[u8]>::to_vec);
        put(folder.path(), name, bytes);
        failure(read(Source::Idx, folder.path()))
    };
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    let body = [0; 18];
    says(&with(images, b"\x89PNG\r\n\x1a\n"), &[images, "at byte 0", "0x00000803", "0x89504e47"]);
    says(&with(images, &idx(&[3, 2, 3], &body[..17])), &[images, "at byte 33", "34 bytes", "1 bytes short"]);
    says(&with(images, &idx(&[3, 2, 3], &[0; 20])), &[images, "at byte 34", "2 more bytes"]);
    says(&with(images, &idx(&[3, 0, 3], &[])), &[images, "at byte 8", "at least 1"]);
    says(&with(images, &idx(&[u32::MAX; 3], &[])), &[images, "product fits memory"]);
    says(&with(images, &[0, 0]), &[images, "at byte 0", "the end of the file"]);
    says(&with(labels, &idx(&[4], &[1; 4])), &[labels, "4 labels for the 3 images"]);
    says(
        &with("t10k-images-idx3-ubyte", &idx(&[2, 3, 3], &body)),
        &["test images are 3×3", "training images 3×2"],
    );
    let packed = gz(&idx(&[3, 2, 3], &body));
    says(&with(images, &packed[..packed.len() - 6]), &[images, "damaged gzip stream"]);
    let mut flipped = packed;
    let middle = flipped.len() - 7;
    flipped[middle] ^= 0x40;
    says(&with(images, &flipped), &[images, "damaged gzip stream", "fetch the file again"]);
}

#[test]
fn zeros_behind_a_gzip_stream_are_padding_and_nothing_else_is() {
    let folder = tempdir().expect("a folder");
    let name = "train-images-idx3-ubyte.gz";
    let bytes = idx(&[3, 2, 3], &[7; 18]);
    let [whole, first, second] = [gz(&bytes), gz(&bytes[..9]), gz(&bytes[9..])];
    let zeros = [0; 512];
    for sound in [[&whole[..], &zeros].concat(), [&first[..], &zeros, &second, &zeros[..3]].concat()] {
        put(folder.path(), name, &sound);
        let mut config = asked(Source::Idx, folder.path());
        config.hold_out = 0.0;
        assert_eq!(load(&config, 0).expect("read").train.values, Values::U8(vec![7; 18]));
    }
    let garbage = (&b"garbage"[..], "7 bytes that are neither zeros nor gzip");
    for (behind, why) in [garbage, (&first[..12], "it ends too early")] {
        put(folder.path(), name, &[&whole[..], &zeros, behind].concat());
        let told = failure(read(Source::Idx, folder.path()));
        says(&told, &["damaged gzip stream near byte", why, "fetch the file again"]);
    }
}

#[test]
fn what_is_not_there_is_said_plainly() {
    let folder = tempdir().expect("a folder");
    says(&failure(read(Source::Idx, &folder.path().join("gone"))), &["gone", "no such file or folder"]);
    says(&failure(read(Source::Idx, folder.path())), &["no train-images-idx3-ubyte"]);
    says(&failure(read(Source::Cifar10, folder.path())), &["no data_batch_1.bin"]);
    says(&failure(read(Source::Tfd, folder.path())), &["TFD_48x48.mat"]);
    says(&failure(read(Source::Folder, folder.path())), &["no files there nor below", "PNG, JPEG, WebP"]);
    says(&failure(read(Source::Auto, folder.path())), &["nothing known there"]);
    let mut none = asked(Source::Idx, folder.path());
    none.path = None;
    says(&failure(load(&none, 0)), &["--data PATH", "gansaku train digits"]);
}

// ---- stacks ----

#[test]
fn a_stacks_digits_are_the_channels_of_its_pixels() {
    let folder = tempdir().expect("a folder");
    mnist(folder.path(), "", <[u8]>::to_vec);
    let mut config = asked(Source::Stacked, folder.path());
    (config.stack, config.count) = (2, 50);
    let data = load(&config, 0).expect("whole data");
    assert_eq!((data.shape, data.train.count), (Shape { channels: 2, height: 2, width: 3 }, 50));
    let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
    // Picture d holds the bytes from 6d on, so that a channel tells which digit it is.
    let firsts: Vec<[u8; 2]> = bytes.chunks_exact(12).map(|stack| [stack[0], stack[1]]).collect();
    for (stack, firsts) in bytes.chunks_exact(12).zip(&firsts) {
        assert!(firsts.iter().all(|first| first.is_multiple_of(6)));
        assert!((0..12).all(|i| stack[i] == firsts[i % 2] + (i / 2) as u8), "{stack:?}");
    }
    assert!(firsts.iter().any(|[a, b]| a != b), "digits are drawn one by one");
}

// ---- CIFAR-10 ----

#[test]
fn cifar_10_is_read_packed_or_not_with_batches_missing() {
    let folder = tempdir().expect("a folder");
    let below = folder.path().join("cifar-10-batches-bin");
    put(&below, "data_batch_1.bin", &cifar(&[3, 9]));
    put(&below, "data_batch_3.bin.gz", &gz(&cifar(&[0])));
    put(&below, "test_batch.bin", &cifar(&[1]));
    for (source, path) in [(Source::Cifar10, folder.path()), (Source::Auto, &below)] {
        let data = read(source, path).expect("whole data");
        assert_eq!((data.train.count, data.test.count, data.shape.len()), (3, 1, 3072));
        assert_eq!(data.train.labels, Some(vec![3, 9, 0]));
        // Pixel 2 of the second picture: a byte of each plane, side by side.
        let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
        assert_eq!(bytes[3072 + 6..][..3], [2, 1026, 2050].map(|i| (i % 251) as u8 ^ 9));
        assert!(
            data.notes.iter().any(|n| n.contains("data_batch_2.bin, data_batch_4.bin")),
            "{:?}",
            data.notes
        );
    }
}

#[test]
fn cifar_10s_classes_are_called_as_its_list_says() {
    const NAMES: &str = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    let below = "cifar-10-batches-bin/";
    for (batches, list) in [("", ""), (below, below), (below, "")] {
        let folder = tempdir().expect("a folder");
        put(folder.path(), &format!("{batches}data_batch_1.bin"), &cifar(&[3, 9]));
        let with = |text: &str| {
            put(folder.path(), &format!("{list}batches.meta.txt"), text.as_bytes());
            read(Source::Auto, folder.path()).expect("whole data")
        };
        let data = with(NAMES);
        assert_eq!((data.class_table().name(3), data.class_table().find("truck")), ("cat".into(), Some(9)));
        let data = with("airplane\n");
        assert!(data.class_names.is_empty());
        says(&data.notes.join("; "), &["batches.meta.txt has 1 lines, expected 10"]);
    }
}

#[test]
fn damaged_cifar_10_is_named_with_its_offset() {
    let with = |bytes: &[u8]| {
        let folder = tempdir().expect("a folder");
        put(folder.path(), "data_batch_1.bin", bytes);
        failure(read(Source::Cifar10, folder.path()))
    };
    says(&with(&cifar(&[1, 2])[..4000]), &["data_batch_1.bin", "at byte 3073", "927 bytes"]);
    says(&with(&cifar(&[1, 10])), &["at byte 3073", "a label from 0 to 9", "found 10"]);
    says(&with(&[]), &["at byte 0", "whole record"]);
    let packed = gz(&cifar(&[1]));
    let mut flipped = packed.clone();
    flipped[packed.len() - 6] ^= 1;
    for damaged in [&packed[..packed.len() - 3], &flipped] {
        says(&with(damaged), &["data_batch_1.bin", "damaged gzip stream near byte"]);
    }
}

#[test]
fn contrast_normalisation_leaves_mean_0_and_norm_55() {
    let folder = tempdir().expect("a folder");
    put(folder.path(), "data_batch_1.bin", &cifar(&[4, 5]));
    let mut config = asked(Source::Cifar10, folder.path());
    config.scale = gansaku::config::Scale::Gcn;
    let data = load(&config, 0).expect("whole data");
    for i in 0..2 {
        let x: Vec<f64> = data.numbers(&data.train, i).into_iter().map(f64::from).collect();
        let (sum, norm) = (x.iter().sum::<f64>(), x.iter().map(|x| x * x).sum::<f64>().sqrt());
        assert!(sum.abs() < 1e-2 && (norm - 55.0).abs() < 1e-3, "sum {sum}, norm {norm}");
    }
}
