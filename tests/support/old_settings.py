"""Settings files as R Server 9.0 and 9.1 and ML Server 9.3 wrote them; the values are made up."""

HASH = "c2FsdHNhbHRzYWx0c2FsdGFuZGhhc2hhbmRoYXNoYW5kaGFzaGFuZGhhc2hhbmRo"
KEY = "eyJEIjoiQUFBQSIsIkRQIjoiQUFBQSIsIk1vZHVsdXMiOiJBQUFBIn0="
PASSWORD = "Pa55w0rd-of-the-database"

WEB_9_0_1 = (
    """\ufeff{
  "Description": "Microsoft R Server, web node",
  "configured": "configured",
  "AdminPassword": "HASH",
  "Kestrel": {
    "Description": ["Where the web node listens."],
    "Port": 12800,
    "Host": "localhost",
    "HttpsEnabled": false,
    "HttpsCertificate": {
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": ""
    }
  },
  "Authentication": {
    "AdminPassword": "HASH",
    "JWTKey": "KEY",
    "JWTSigningCertificate": {
      "Enabled": false,
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": ""
    },
    "AzureActiveDirectory": {
      "Enabled": false,
      "Values": [{ "Authority": "https://login.windows.net/example.com", "Audience": "0000" }]
    },
    "LDAP": {
      "Enabled": false,
      "Values": [
        {
          "Host": "ldap.example.com",
          "UseLDAPS": "True",
          "BindFilter": "CN={0},CN=Users,DC=EXAMPLE,DC=COM",
          "QueryUserDn": "CN=reader,DC=EXAMPLE,DC=COM",
          "QueryUserPasswordEncrypted": false,
          "QueryUserPassword": "",
          "SearchBase": "CN=Users,DC=EXAMPLE,DC=COM",
          "SearchFilter": "cn={0}"
        }
      ]
    }
  },
  "ConnectionStrings": {
    "sqlserver": { "Enabled": false, "Encrypted": false, "Connection": "" },
    "postgresql": { "Enabled": false, "Encrypted": false, "Connection": "" },
    "defaultDb": { "Enabled": true, "Connection": "./deployrdb_9.0.0.db" }
  },
  "BackEndConfiguration": {
    "ClientCertificate": {
      "Enabled": false,
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": ""
    },
    "Uris": { "Description": "One for each compute node.", "Values": ["http://localhost:12805"] }
  },
  "CORS": { "Enabled": false, "Origins": [] },
  "Logging": {
    "IncludeScopes": false,
    "LogsPath": "",
    "MaxLogsFilesNumber": 10,
    "LogLevel": {
      "AllowedLogLevels": "Verbose, Debug, Information, Warning, Error, Fatal",
      "Default": "Fatal",
      "System": "Warning",
      "Microsoft": "Warning",
      "Microsoft.AspNetCore.Authentication.JwtBearer.JwtBearerMiddleware": "Warning"
    }
  }
}
""".replace("HASH", HASH)
    .replace("KEY", KEY)
    .replace("\n", "\r\n")
)

WEB_9_1 = """{
  "Kestrel": {
    "Port": 443,
    "HttpsEnabled": true,
    "HttpsCertificate": {
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": "CN=models.example.com"
    }
  },
  "Authentication": {
    "JWTSigningCertificate": {
      "Enabled": true,
      "StoreName": "Root",
      "StoreLocation": "CurrentUser",
      "SubjectName": "CN=LOCALHOST"
    },
    "LDAP": {
      "Enabled": false,
      "Host": "ldap.example.com",
      "Port": "636",
      "UseLDAPS": "True",
      "QueryUserDn": "CN=reader,DC=EXAMPLE,DC=COM",
      "QueryUserPasswordEncrypted": true,
      "QueryUserPassword": "ABCD0000",
      "SearchBase": "CN=Users,DC=EXAMPLE,DC=COM",
      "SearchFilter": "cn={0}",
      "UniqueUserIdentifierAttributeName": "userPrincipalName",
      "DisplayNameAttributeName": "name",
      "EmailAttributeName": "mail"
    }
  },
  "Authorization": { "Owner": ["Administrators"], "Contributor": ["RProgrammers", "Quality"] },
  "ConnectionStrings": {
    "postgresql": {
      "Enabled": true,
      "Connection": "User ID=deployr;Password=PASSWORD;Host=db;Port=5432;Database=o16n;Pooling=true;"
    },
    "defaultDb": { "Enabled": false, "Connection": "./deployrdb_9.1.0.db" }
  },
  "BackEndConfiguration": {
    "ClientCertificate": {
      "Enabled": true,
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": "CN=web.example.com"
    },
    "Uris": { "Values": ["https://compute-1.example.com"], "Ranges": ["http://10.0.1.0-255:12805"] }
  },
  "MaxNumberOfThreadsPerBatchExecution": 50
}
""".replace("PASSWORD", PASSWORD)

WEB_9_3 = """{
  "configured": "configured",
  "Kestrel": {
    "Port": 443,
    "HttpsEnabled": true,
    "HttpsCertificate": {
      "Enabled": true,
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": "CN=models.example.com",
      "Thumbprint": "\u200ea9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b"
    }
  },
  "Authentication": {
    "AdminPassword": "HASH",
    "AzureActiveDirectory": { "Enabled": false, "Authority": "", "Key": null },
    "LDAP": null
  },
  "Authorization": { "CacheLifeTimeInMinutes": 60 },
  "ComputeNodesConfiguration": {
    "ConnectionTimeout": "01:00:00",
    "ClientCertificate": { "Enabled": false, "SubjectName": "", "Thumbprint": "" },
    "Uris": { "Ranges": ["http://10.0.1.0-255:12805"] }
  },
  "BatchExecutionCheckoutTimeSpan": "01:00:00",
  "CORS": { "Enabled": true, "Origins": ["https://portal.example.com"] }
}
""".replace("HASH", HASH)

COMPUTE_9_0_1 = """\ufeff{
  "configured": "configured",
  "Kestrel": { "Port": 12805, "HttpsEnabled": false },
  "ClientCertificate": { "Enabled": false, "Issuer": "", "Subject": "" },
  "Pool": { "InitialSize": 5, "MaxSize": 80 },
  "RServePort": "9054",
  "Logging": {
    "IncludeScopes": false,
    "LogLevel": { "Default": "Warning", "System": "Warning", "Microsoft": "Warning" }
  }
}
"""

COMPUTE_9_1 = """{
  "Kestrel": {
    "Port": 443,
    "HttpsEnabled": true,
    "HttpsCertificate": {
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": "CN=compute-1.example.com"
    }
  },
  "BackEndConfiguration": {
    "ClientCertificate": {
      "Enabled": true,
      "Issuer": "CN=Example CA",
      "Subject": "CN=web.example.com"
    }
  },
  "Pool": { "InitialSize": 20, "MaxSize": 100 }
}
"""

COMPUTE_9_3 = """{
  "configured": "configured",
  "Kestrel": {
    "Port": 12805,
    "HttpsEnabled": true,
    "HttpsCertificate": {
      "Enabled": true,
      "StoreName": "My",
      "StoreLocation": "LocalMachine",
      "SubjectName": "CN=compute-1.example.com",
      "Thumbprint": ""
    }
  },
  "ClientCertificate": {
    "Enabled": true,
    "Issuer": "CN=Example CA, O=Example, C=DE",
    "Subject": "CN=web.example.com"
  },
  "Pool": { "InitialSize": 5, "MaxSize": 80 },
  "RServePort": 9055
}
"""
