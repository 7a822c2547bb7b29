"""Certificates for tests, made with openssl when a test runs."""

import pathlib
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """An authority that signs certificates, in a directory of its own."""

    def __init__(self, directory, name="test authority"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file = self.directory / "authority.pem"
        self.key = self.directory / "authority.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.file,
        )

    def issue(self, file, names, days=30, usage="serverAuth", common_name=None, key_kind="ec"):
        """Writes `file`.pem and `file`.key; `names` as openssl writes alternative names, such as DNS:localhost."""
        certificate, key = self.directory / f"{file}.pem", self.directory / f"{file}.key"
        request, extensions = self.directory / f"{file}.csr", self.directory / f"{file}.ext"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if key_kind == "ec" else ["-newkey", "rsa:2048"]
        openssl("req", *kind, "-nodes", "-subj", f"/CN={common_name or file}", "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage={usage}\n")
        # OpenSSL counts days from now, so that none is one that has ended already.
        validity = ["-days", str(days)] if days > 0 else ["-not_before", "20240101000000Z", "-not_after", "20240102000000Z"]
        command = ["x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-extfile", extensions]
        if days > 0:
            openssl(*command, *validity, "-out", certificate)
        else:
            self._issue_ended(request, extensions, certificate)
        return certificate, key

    def _issue_ended(self, request, extensions, certificate):
        base = self.directory
        (base / "index.txt").write_text("")
        (base / "serial.txt").write_text("01\n")
        (base / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={base}/index.txt\nserial={base}/serial.txt\nnew_certs_dir={base}\n"
            "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        openssl(
            "ca", "-batch", "-config", base / "ca.cnf", "-cert", self.file, "-keyfile", self.key, "-in", request,
            "-extfile", extensions, "-startdate", "20240101000000Z", "-enddate", "20240102000000Z", "-out", certificate, "-notext",
        )
