//! An S3 server that nobody here wrote: moto, in a process of its own, forgotten when it ends.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::child::Process;
use crate::{Http, python, repository, wait_for};

/// How long it may take to listen: Python imports much, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(60);
const REGION: &str = "us-east-1";
/// The user that [`S3Server::create_user`] makes, permitted everything on S3.
const USER: &str = "lakehouse";
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

/// What a client signs its requests with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
}

/// A running S3 server with buckets in memory. At first it takes any credentials.
#[derive(Debug)]
pub struct S3Server {
    process: Process,
    port: u16,
    tls_port: u16,
    folder: TempDir,
}

impl S3Server {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// When moto cannot be installed: with what to do; or when it does not start: with what it wrote.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(0).await
    }

    /// Starts a server on the port of one that was [killed](Self::kill).
    ///
    /// # Errors
    /// As [`S3Server::start`], and when the port is taken.
    pub async fn start_at(port: u16) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("moto-").tempdir()?;
        let [output, log] = ["ports", "log"].map(|name| folder.path().join(name));
        let mut command = python("moto")?;
        command
            .arg(repository().join("crates/testkit/moto/serve.py"))
            .arg(folder.path())
            .arg(port.to_string());
        command.stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut process = Process::spawn(command)?;
        let ports = wait_for("the S3 server to listen", START_LIMIT, async || {
            if let Some(exit) = process.exit()? {
                return Ok(Err(exit));
            }
            let line = fs::read_to_string(&output)?;
            let (port, tls_port) = line.trim_end().split_once(' ').context("no ports yet")?;
            Ok(Ok((port.parse()?, tls_port.parse()?)))
        });
        match ports.await? {
            Ok((port, tls_port)) => Ok(Self { process, port, tls_port, folder }),
            Err(exit) => {
                anyhow::bail!("moto ended at its start with {exit}:\n{}", fs::read_to_string(log)?)
            }
        }
    }

    /// Its port, for another one after it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The environment of a client that uses it, with `credentials`.
    pub fn environment(&self, credentials: &Credentials) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", credentials.key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret.clone()),
        ]
    }

    /// The endpoint of the same buckets over TLS, and the file with the certificate to trust.
    pub fn tls(&self) -> (String, PathBuf) {
        (format!("https://localhost:{}", self.tls_port), self.folder.path().join("localhost.crt"))
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// When it refuses to.
    pub async fn create_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        let made = self.call(Method::PUT, &format!("/{bucket}"), "s3", String::new()).await?;
        ensure!(made.is_empty(), "{made}");
        Ok(())
    }

    /// The keys of all objects in a bucket, as the server lists them.
    ///
    /// # Errors
    /// When it refuses to, or there are more than 1,000.
    pub async fn keys(&self, bucket: &str) -> anyhow::Result<Vec<String>> {
        let list = self.call(Method::GET, &format!("/{bucket}?list-type=2"), "s3", String::new()).await?;
        ensure!(list.contains("<IsTruncated>false<"), "{list}");
        Ok(elements(&list, "Key"))
    }

    /// Makes a user who may do everything on S3.
    ///
    /// # Errors
    /// When it refuses to.
    pub async fn create_user(&self) -> anyhow::Result<Credentials> {
        let iam = async |action: &str, more: &str| {
            let form = format!("Action={action}&UserName={USER}&Version=2010-05-08{more}");
            self.call(Method::POST, "/", "iam", form).await
        };
        iam("CreateUser", "").await?;
        let key = iam("CreateAccessKey", "").await?;
        iam("PutUserPolicy", &format!("&PolicyName=s3&PolicyDocument={}", client::segment(POLICY))).await?;
        let element = |name| elements(&key, name).pop().with_context(|| format!("no {name}: {key}"));
        Ok(Credentials { key_id: element("AccessKeyId")?, secret: element("SecretAccessKey")? })
    }

    /// From now on it checks the signature and the permission of every request, or of none.
    ///
    /// # Errors
    /// When it refuses to.
    pub async fn check_credentials(&self, are_checked: bool) -> anyhow::Result<()> {
        // The number of requests that still pass unchecked.
        let unchecked = if are_checked { "0" } else { "inf" };
        let http = Http::new(format!("http://127.0.0.1:{}", self.port));
        let call = http.call(Method::POST, "/moto-api/reset-auth").body("text/plain", unchecked);
        call.expect(200).await.map(drop)
    }

    /// Lets it answer nothing from now on, although it still takes connections.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Lets it answer again.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Ends it, with all that it held.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// A call that is not signed: it passes while credentials are not checked.
    async fn call(&self, method: Method, path: &str, service: &str, form: String) -> anyhow::Result<String> {
        let http = Http::new(format!("http://127.0.0.1:{}", self.port));
        // Names the service that is meant, and is otherwise made up.
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let call = http.call(method, path).header("authorization", &authorization);
        let reply = call.body("application/x-www-form-urlencoded", form).send().await?;
        ensure!(reply.is_success(), "{reply}");
        Ok(String::from_utf8(reply.body)?)
    }
}

/// The texts of all elements of that name, which hold no other elements and no entities.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let texts = xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close));
    texts.map(|(text, _)| text.to_owned()).collect()
}
