use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode};
use objects::{UploadError, into_stream, put_stream};

use crate::{assert_no_staging_file, keys, local};

const MIB: usize = 1 << 20;

/// `len` bytes in chunks of odd sizes, each telling its position.
fn body(len: usize) -> Vec<Bytes> {
    let bytes: Vec<u8> = (0..len).map(|at| (at / 7 % 251) as u8).collect();
    bytes.chunks(333_333).map(Bytes::copy_from_slice).collect()
}

fn infallible(chunks: &[Bytes]) -> impl futures::Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    stream::iter(chunks.to_vec()).map(Ok)
}

#[tokio::test]
async fn streamed_object_comes_back_byte_for_byte_in_one_part_and_in_many() {
    let (_dir, store) = local();
    for len in [0, 1, 8 * MIB - 1, 8 * MIB, 21 * MIB + 5] {
        let chunks = body(len);
        let path = Path::from("big");
        let put =
            put_stream(&*store, &path, infallible(&chunks), PutMode::Overwrite, u64::MAX).await.unwrap();
        let object = store.get(&path).await.unwrap();
        assert_eq!(object.meta.size, len as u64);
        assert_eq!(object.meta.e_tag, put.e_tag);
        let read: Vec<Bytes> = into_stream(object).try_collect().await.unwrap();
        assert!(read.concat() == chunks.concat(), "{len} bytes differ");
    }
    assert_no_staging_file(&store).await;
}

#[tokio::test]
async fn body_over_the_limit_or_broken_off_leaves_nothing() {
    let (_dir, store) = local();
    let path = Path::from("a");
    for len in [MIB, 20 * MIB] {
        let chunks = body(len);
        let limit = len as u64 - 1;
        let large = put_stream(&*store, &path, infallible(&chunks), PutMode::Overwrite, limit).await;
        assert!(matches!(large, Err(UploadError::TooLarge { .. })));

        let broken = stream::iter(chunks)
            .map(Ok)
            .chain(stream::once(async { Err(io::Error::from(io::ErrorKind::ConnectionReset)) }));
        let broken = put_stream(&*store, &path, broken, PutMode::Overwrite, u64::MAX).await;
        assert!(matches!(broken, Err(UploadError::Source(_))));
    }
    assert_eq!(keys(&*store).await, Vec::<String>::new());
    assert_no_staging_file(&store).await;
}

#[tokio::test]
async fn condition_holds_for_uploads_in_parts_too() {
    let (_dir, store) = local();
    let path = Path::from("a");
    store.put(&path, "first".into()).await.unwrap();
    let chunks = body(20 * MIB);
    let lost = put_stream(&*store, &path, infallible(&chunks), PutMode::Create, u64::MAX).await;
    assert!(matches!(lost, Err(UploadError::Store(Error::AlreadyExists { .. }))));
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "first");
    assert_no_staging_file(&store).await;
}

#[tokio::test]
async fn ranges_are_exact_and_those_outside_are_refused() {
    let (_dir, store) = local();
    let path = Path::from("a");
    store.put(&path, "0123456789".into()).await.unwrap();
    let get = async |range| {
        let object = store.get_opts(&path, GetOptions::new().with_range(Some(range))).await?;
        let chunks: Vec<Bytes> = into_stream(object).try_collect().await?;
        Ok::<_, Error>(String::from_utf8(chunks.concat()).unwrap())
    };
    assert_eq!(get(GetRange::Bounded(2..5)).await.unwrap(), "234");
    assert_eq!(get(GetRange::Bounded(8..99)).await.unwrap(), "89");
    assert_eq!(get(GetRange::Offset(7)).await.unwrap(), "789");
    assert_eq!(get(GetRange::Suffix(3)).await.unwrap(), "789");
    assert!(get(GetRange::Offset(10)).await.is_err());
    assert_eq!(store.get_ranges(&path, &[0..1, 9..10]).await.unwrap(), [Bytes::from("0"), Bytes::from("9")]);
    assert_eq!(store.get_range(&path, 5..11).await.unwrap(), "56789");
    assert!(store.get_range(&path, 10..11).await.is_err());
}

#[tokio::test]
async fn reader_keeps_the_version_that_it_opened() {
    let (_dir, store) = local();
    let path = Path::from("a");
    store.put(&path, "old".into()).await.unwrap();
    let open = store.get(&path).await.unwrap();
    store.put(&path, "new".into()).await.unwrap();
    assert_eq!(open.bytes().await.unwrap(), "old");
}

#[tokio::test]
async fn copy_is_independent_of_its_source() {
    let (_dir, store) = local();
    let (from, to) = (Path::from("from"), Path::from("deep/to"));
    store.put(&from, "x".into()).await.unwrap();
    store.copy(&from, &to).await.unwrap();
    assert!(matches!(store.copy_if_not_exists(&from, &to).await, Err(Error::AlreadyExists { .. })));
    store.delete(&from).await.unwrap();
    assert_eq!(store.get(&to).await.unwrap().bytes().await.unwrap(), "x");
}
